//! Telling whether the process of an earlier run still lives.

use std::fs;

/// This process, in words that no other process on any machine shares: boot, process id, start.
pub fn this() -> String {
    let id = std::process::id();
    format!("{} {id} {}", boot(), start(id).unwrap_or_default())
}

/// Whether the process that `words` names may still live. One on another machine (or before a reboot seen from
/// elsewhere) cannot be asked: it counts as alive only if its boot is not ours and could be running.
pub fn is_alive(words: &str) -> bool {
    let mut parts = words.split(' ');
    let (Some(host_boot), Some(id), Some(started)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (host, booted) = host_boot.split_once('/').unwrap_or((host_boot, ""));
    let ours = boot();
    let (our_host, our_boot) = ours.split_once('/').unwrap_or((&ours, ""));
    if host != our_host {
        return true;
    }
    booted == our_boot && id.parse().ok().and_then(start).is_some_and(|now| now == started)
}

/// Machine and boot.
fn boot() -> String {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .replace([' ', '/'], "-")
    };
    format!(
        "{}/{}",
        read("/proc/sys/kernel/hostname"),
        read("/proc/sys/kernel/random/boot_id")
    )
}

/// When a process started, in clock ticks since the boot: field 22 of its `stat` (proc(5)).
fn start(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field, the name, may hold spaces and parentheses; what follows its end does not.
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_others_do_not() {
        let words = this();
        assert!(is_alive(&words));
        let other_start = format!("{}9", words);
        assert!(!is_alive(&other_start));
        assert!(!is_alive(&format!("{} 999999999 5", boot())));
        assert!(!is_alive("nonsense"));
        assert!(is_alive("another-machine/some-boot 17 5"));
    }
}
