//! Who a process is, whether it lives, how it is killed; and what time it is for leases.
//!
//! Pid, start time and boot id together name a process for good: a pid alone is used again.

use std::{fs, io, os::unix::fs::MetadataExt};

use rustix::{
    process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal, test_kill_process},
    time::{ClockId, clock_gettime},
};
use tandem_store::Holder;
use tandem_words::InstanceName;

/// Milliseconds of the boot-time clock: it counts suspends, so a host that slept knows that its lease may be gone.
pub fn boot_clock_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1_000 + nanoseconds / 1_000_000
}

/// This process as a lease's holder.
pub fn this_process(instance: InstanceName) -> Holder {
    let process_start = stat("self").map_or(0, |(_, start)| start);
    Holder { instance, pid: std::process::id(), process_start, boot_id: boot_id() }
}

/// Why an instance cannot fence the other one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum FenceError {
    #[error(
        "process {} ({}) runs, and is not to be seen from here; a pair on one store must be able to kill a hung instance: \
         run both in the same container (or with one PID and one time namespace)", .0.pid, .0.instance
    )]
    Unseen(Holder),
    #[error(
        "process {} ({}) must not be killed by this one, which is needed when it hangs; run both instances as the same user", .0.pid, .0.instance
    )]
    Forbidden(Holder),
    #[error("process {pid} ({instance}) hangs and cannot be killed: {cause}; kill it by hand")]
    Kill { pid: u32, instance: InstanceName, cause: io::Error },
}

/// Whether that very process lives. One that is dead and not yet buried does not.
pub fn lives(holder: &Holder) -> bool {
    holder.boot_id == boot_id()
        && stat(&holder.pid.to_string()).is_some_and(|(state, start)| start == holder.process_start && !matches!(state, 'Z' | 'X'))
}

/// Whether the two processes of a pair may kill each other; asked at the start of the second.
pub fn may_kill(other: &Holder) -> Result<(), FenceError> {
    if !lives(other) {
        return Err(FenceError::Unseen(other.clone()));
    }
    let same_user = fs::metadata(format!("/proc/{}", other.pid)).is_ok_and(|process| process.uid() == geteuid().as_raw());
    let allowed = pid(other).is_some_and(|pid| test_kill_process(pid).is_ok());
    if same_user && allowed { Ok(()) } else { Err(FenceError::Forbidden(other.clone())) }
}

/// Kills that very process and no other: what the pidfd stands for is looked at after it was opened. Returns whether it lived.
pub fn kill(holder: &Holder) -> Result<bool, FenceError> {
    let failed = |cause: rustix::io::Errno| FenceError::Kill { pid: holder.pid, instance: holder.instance, cause: cause.into() };
    let Some(pid) = pid(holder).filter(|_| holder.pid != std::process::id()) else { return Ok(false) };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        Err(cause) => return Err(failed(cause)),
    };
    if !lives(holder) {
        return Ok(false);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(cause) => Err(failed(cause)),
    }
}

fn pid(holder: &Holder) -> Option<Pid> {
    Pid::from_raw(i32::try_from(holder.pid).ok()?)
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// State and start time of a process.
fn stat(process: &str) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field, the command, may hold blanks; the third, the state, begins behind its closing bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    const B: InstanceName = InstanceName { node: 101, letter: 'b' };

    fn sleeper() -> (Child, Holder) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let process_start = stat(&child.id().to_string()).unwrap().1;
        let holder = Holder { pid: child.id(), process_start, ..this_process(B) };
        (child, holder)
    }

    #[test]
    fn only_the_process_that_is_meant_is_killed() {
        let (mut child, holder) = sleeper();
        may_kill(&holder).unwrap();
        for other in [
            Holder { process_start: holder.process_start - 1, ..holder.clone() },
            Holder { boot_id: "another boot".to_owned(), ..holder.clone() },
        ] {
            assert!(!kill(&other).unwrap() && !lives(&other), "{other:?}");
            assert!(matches!(may_kill(&other), Err(FenceError::Unseen(_))));
        }
        assert!(child.try_wait().unwrap().is_none() && lives(&holder));
        assert!(kill(&holder).unwrap());
        // Dead when it has had the time; a zombie until it is waited for.
        while lives(&holder) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(!kill(&holder).unwrap(), "dead already");
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn nobody_kills_itself_and_init_must_not_be_killed() {
        assert!(!kill(&this_process(B)).unwrap());
        assert!(lives(&this_process(B)));
        if !geteuid().is_root() {
            let init = Holder { pid: 1, process_start: stat("1").unwrap().1, ..this_process(B) };
            assert!(matches!(may_kill(&init), Err(FenceError::Forbidden(_))));
        }
    }
}
