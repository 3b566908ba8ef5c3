//! The end of an instance's threads.

use std::{
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::NodeLock;

/// How long a thread may take to end: longer than a step may (`limits.step-wall`), and a statement of the store.
const ENDS_WITHIN: Duration = Duration::from_secs(4);

/// Waits for the threads; they have been told. The lock is let go of when all have ended, and else by the kernel, when the
/// process does: whoever has it may be sure that nobody else acts. Returns the name of a thread that has not ended.
pub(super) fn wait(threads: Vec<JoinHandle<()>>, lock: Option<NodeLock>) -> Option<String> {
    let deadline = Instant::now() + ENDS_WITHIN;
    let mut remains = None;
    for thread in threads {
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            // What a panic had to say, the alarm has said.
            let _ = thread.join();
        } else {
            remains = thread.thread().name().map(str::to_owned).or(remains);
        }
    }
    if let Some(lock) = lock.filter(|_| remains.is_none()) {
        lock.let_go();
    }
    remains
}
