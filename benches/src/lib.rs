//! What the benchmark programs share.

pub mod series;

/// Prints one JSON line in the form of the peers' scripts: name, task, median and fastest seconds, and `extra` fields.
pub fn report(task: &str, secs: &mut [f64], extra: &str) {
    secs.sort_by(f64::total_cmp);
    let median = secs.get(secs.len() / 2).copied().unwrap_or(f64::NAN);
    let fastest = secs.first().copied().unwrap_or(f64::NAN);
    println!(
        "{{\"peer\": \"vitrine\", \"task\": \"{task}\", \"median_s\": {median:.4}, \"min_s\": {fastest:.4}, {extra}}}"
    );
}
