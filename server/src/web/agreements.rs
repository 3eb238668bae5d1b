//! The texts that users accept.

use domain::AgreementKind;

/// Those that stop everything else until they are accepted, with their versions in force.
pub(crate) const IN_FORCE: &[(AgreementKind, u32)] =
    &[(AgreementKind::Terms, 1), (AgreementKind::Privacy, 1)];

/// The version of the biometric release in force.
pub(crate) const RELEASE_VERSION: u32 = 1;
