//! Prints the two micro figures: `cargo run --release -p tandem-strategy --example micro`.

use tandem_strategy::{Engine, EngineLimits, bench};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(EngineLimits::default())?;
    let guest = tandem_test_guests::guest("bench").ok_or("no guest bench")?;
    println!("on_event_us (300 B) {:.2}", bench::on_event_us(&engine, guest.wasm, 300, 200)?);
    println!("on_event_us (10 B)  {:.2}", bench::on_event_us(&engine, guest.wasm, 10, 200)?);
    println!("session_start_us    {:.2}", bench::session_start_us(&engine, guest.wasm, 200)?);
    Ok(())
}
