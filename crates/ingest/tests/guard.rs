//! What the pool does when a worker does not do what it should.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ingest::guard::{GuardError, Limits, Pool};

/// A pool whose workers run this shell script in place of the real program.
fn pool(script: &str, timeout_ms: u64) -> Pool {
    let arguments = vec![
        OsString::from("-c"),
        OsString::from(script),
        OsString::from("worker"),
    ];
    let limits = Limits {
        request_timeout: Duration::from_millis(timeout_ms),
        ..Limits::default()
    };
    Pool::new(PathBuf::from("/bin/sh"), arguments, limits)
}

fn some_file() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"anything").unwrap();
    file
}

fn ask(pool: &Pool) -> GuardError {
    pool.with(|worker| worker.read(some_file())).unwrap_err()
}

#[test]
fn a_worker_that_ends_is_told() {
    let GuardError::Died(reason) = ask(&pool("exit 3", 5000)) else {
        panic!("it died")
    };
    assert!(reason.contains("ended the worker"), "{reason}");
}

#[test]
fn a_worker_that_is_killed_says_by_what() {
    let GuardError::Died(reason) = ask(&pool("kill -ABRT $$", 5000)) else {
        panic!("it died")
    };
    assert!(reason.contains("memory"), "{reason}");
    let GuardError::Died(reason) = ask(&pool("kill -SEGV $$", 5000)) else {
        panic!("it died")
    };
    assert!(reason.contains("stack"), "{reason}");
}

#[test]
fn a_worker_that_hangs_is_stopped() {
    let start = Instant::now();
    let GuardError::Died(reason) = ask(&pool("exec sleep 600", 300)) else {
        panic!("it was stopped")
    };
    assert!(reason.contains("longer than"), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_worker_that_babbles_is_not_believed() {
    let babble = "exec dd if=/dev/zero of=/dev/stdin bs=64 count=1 2>/dev/null";
    assert!(matches!(ask(&pool(babble, 2000)), GuardError::Died(_)));
}

#[test]
fn the_next_request_gets_a_fresh_worker() {
    let pool = pool("exit 3", 5000);
    for _ in 0..3 {
        assert!(matches!(ask(&pool), GuardError::Died(_)));
    }
}

#[test]
fn a_program_that_is_not_there_is_no_fault_of_the_file() {
    let pool = Pool::new(PathBuf::from("/nowhere/vitrine"), Vec::new(), Limits::default());
    assert!(matches!(ask(&pool), GuardError::Spawn { .. }));
}
