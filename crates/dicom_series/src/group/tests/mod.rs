//! Every rule of grouping, on instances without files: unequal spacings, oblique directions, poison values.

mod divided;
mod kinds;
mod placed;
mod repeated;

use expect_test::Expect;

use super::group;
use super::testing::report;
use crate::Instance;

/// The report on `instances` is as expected, in whatever order they come.
fn check(instances: &[Instance], expected: &Expect) {
    expected.assert_eq(&report(&group(instances)));
    let reversed: Vec<Instance> = instances.iter().rev().cloned().collect();
    assert_eq!(
        report(&group(&reversed)),
        report(&group(instances)),
        "the order of files matters"
    );
}
