//! Random histories: a primary with two workers, a disk, and a gateway that keeps books. It is killed, cut off and held up at
//! any moment; the books must balance (P1 to P4, P10).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
// Scripts remember across sessions what a guest must not: that is what the lock is for.
#![allow(clippy::disallowed_types)]

mod checks;
#[path = "../worker/disk.rs"]
mod disk;
mod gateway;
mod host;
mod strategy;
mod world;

use proptest::prelude::*;
use world::{Op, World};

fn op() -> impl Strategy<Value = Op> {
    let some = || any::<prop::sample::Index>();
    let keys = "12345cdefgmnprstTx";
    prop_oneof![
        3 => Just(Op::Call),
        8 => (some(), some()).prop_map(move |(call, key)| Op::Press(call, keys.chars().nth(key.index(keys.len())).unwrap_or('1'))),
        1 => some().prop_map(Op::HangUp),
        1 => some().prop_map(Op::Move),
        1 => some().prop_map(Op::DefaultRoute),
        6 => some().prop_map(Op::Answer),
        3 => (1_u64..2_000).prop_map(Op::Pass),
        1 => Just(Op::Pass(70_000)),
        8 => (1_usize..6).prop_map(Op::Deliver),
        12 => (some(), 1_usize..6).prop_map(|(worker, inputs)| Op::Work(worker, inputs)),
        8 => (1_usize..5).prop_map(Op::Commit),
        4 => some().prop_map(Op::Load),
        1 => Just(Op::Drop),
        2 => (0_usize..4).prop_map(Op::Cut),
        2 => Just(Op::Connect),
        2 => (0_usize..4).prop_map(Op::Kill),
        1 => Just(Op::Quiet),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_happens(ops in prop::collection::vec(op(), 1..160)) {
        let mut world = World::new();
        for op in ops {
            world.step(&op);
        }
        world.heal();
        world.check_all();
    }
}
