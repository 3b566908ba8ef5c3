fn main() {
    let mut args = std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok());
    let (first, n) = (args.next().unwrap_or(1), args.next().unwrap_or(10));
    let mut found = 0;
    let start = std::time::Instant::now();
    let (mut sim, mut cov) = (0, tandem_simulation::Coverage::default());
    for seed in first..first + n {
        let outcome = tandem_simulation::World::play(seed, n == 1);
        sim += outcome.simulated_ms;
        cov.add(&outcome.coverage);
        if let Some(f) = outcome.finding {
            found += 1;
            println!("seed {seed}: {} calls {} leads {}: {f:?}", outcome.simulated_ms, outcome.calls, outcome.leads);
        }
        if n == 1 { outcome.trace.lines().for_each(|l| println!("{}", &l[..l.len().min(400)])); println!("hash {:x} {} calls {} leads", outcome.trace.hash(), outcome.calls, outcome.leads); }
    }
    println!("{found} of {n}; {} sim s/s\n{}", sim as f64 / 1000.0 / start.elapsed().as_secs_f64(), cov.table());
}
