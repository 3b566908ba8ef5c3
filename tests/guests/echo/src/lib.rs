//! Says every digit back, and ends with the call. Straight-line, with a checkpoint every ten digits. It may be started as a partner
//! of `messenger`, whose messages it does not take.

use tandem_sdk::prelude::*;

fn manifest() -> Manifest {
    Manifest::new("echo", "0.1.0").parameter("rounds", "Not used", "0")
}

async fn run(call: Call) -> Result<()> {
    let said: u64 = call.resumed()?.unwrap_or(0);
    let _music = call.music("hold");
    for _ in 0..10 {
        let key = call.digit().await?;
        call.play(Prompt::Digits(key.into())).await?;
    }
    call.attach("said", (said + 10).to_string()).await?;
    call.checkpoint(&(said + 10)).await?;
    Ok(())
}

tandem_sdk::export_flow!(manifest, run);
