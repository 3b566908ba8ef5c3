//! Asks for an account number of six digits, twice at most, then routes to the group `agents`. Its collects take seconds: a host
//! that is killed in the middle of one must not lose the digits that are there. Straight-line.

use tandem_sdk::prelude::*;

fn manifest() -> Manifest {
    Manifest::new("account", "0.1.0")
}

async fn run(call: Call) -> Result<()> {
    for _ in 0..2 {
        let digits = call.collect(Collect::digits(6).prompt("account-number")).await?;
        if digits.keys.len() == 6 {
            call.attach("account", digits.keys).await?;
            break;
        }
    }
    call.route(Target::Group("agents".into())).await?;
    Ok(())
}

tandem_sdk::export_flow!(manifest, run);
