//! Who this process is, and what time it is for leases.

use std::fs;

use rustix::time::{ClockId, clock_gettime};
use tandem_store::Holder;
use tandem_words::InstanceName;

/// Milliseconds of the boot-time clock: it counts suspends, so a host that slept knows that its lease may be gone.
pub fn boot_clock_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000 + nanoseconds / 1_000_000
}

/// This process as a lease's holder. Pid, start time and boot id together name a process for good: a pid alone is used again.
pub fn this_process(instance: InstanceName) -> Holder {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, the command, may hold blanks; the numbers begin behind its closing bracket with the third.
    let process_start = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok()).unwrap_or(0);
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
    Holder { instance, pid: std::process::id(), process_start, boot_id }
}
