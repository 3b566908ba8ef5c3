//! Says when somebody is there, again for who presses 1, and hangs up. Not persisted: nothing of it is worth a row for each step, and a
//! caller whose host dies hears it from the beginning.
//!
//! | parameter | meaning | default |
//! | --- | --- | --- |
//! | `wait-s` | how long to wait for a key, in seconds | 5 |
//! | `again` | how often a caller may hear it again | 3 |
//!
//! - Plays `opening-hours` and `press-1-to-repeat`; a digit interrupts. Any key but 1, and none, is followed by `goodbye`.
//! - `restart-on-switchover` is set in its manifest: a call that is under way when its primary dies is served again from the beginning.

use tandem_sdk::prelude::*;

fn manifest() -> Manifest {
    let manifest = Manifest { restart_on_switchover: Some(true), ..Manifest::new("hours", env!("CARGO_PKG_VERSION")).persist(false) };
    manifest.parameter("wait-s", "How long to wait for a key, in seconds", "5").parameter(
        "again",
        "How often a caller may hear it again",
        "3",
    )
}

async fn run(call: Call) -> Result<()> {
    let wait = Duration::from_secs(number(&call, "wait-s")?);
    for _ in 0..=number(&call, "again")? {
        let key = select! {
            key = call.digit() => Some(key?),
            heard = tell(&call, wait) => heard.map(|()| None)?,
            end = call.hung_up() => return Err(Error::CallEnded(end)),
        };
        if key != Some('1') {
            break;
        }
    }
    call.play("goodbye").await?;
    call.disconnect().await
}

/// The announcement, and time to press a key.
async fn tell(call: &Call, wait: Duration) -> Result<()> {
    call.play(["opening-hours", "press-1-to-repeat"]).await?;
    call.sleep(wait).await
}

fn number(call: &Call, parameter: &str) -> Result<u64> {
    let text = call.parameter(parameter).unwrap_or_default();
    text.trim().parse().map_err(|_| Error::new(format!("parameter {parameter}: {text:?} is not a number")))
}

tandem_sdk::export_flow!(manifest, run);
