//! Guests written by hand, in WebAssembly text: for what no Rust guest does. They have no state and answer `wait`.
//!
//! What makes components of them wants `semver` with `std`; the product has it so, too (`Cargo.toml` says why).

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const CONTRACT: &str = include_str!("../../../../wit/strategy.wit");

/// As much of WASI 0.2 as the tests import; a component may import less of an interface than the host has.
const WASI: [&str; 5] = [
    "package wasi:io@0.2.0;
     interface poll { resource pollable { block: func(); } }
     interface error { resource error; }
     interface streams {
         use error.{error};
         variant stream-error { last-operation-failed(error), closed }
         resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
     }",
    "package wasi:clocks@0.2.0;
     interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
     interface monotonic-clock {
         use wasi:io/poll@0.2.0.{pollable};
         now: func() -> u64;
         subscribe-duration: func(when: u64) -> pollable;
     }",
    "package wasi:random@0.2.0; interface random { get-random-u64: func() -> u64; }",
    "package wasi:cli@0.2.0;
     interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
     interface stderr { use wasi:io/streams@0.2.0.{output-stream}; get-stderr: func() -> output-stream; }",
    "package wasi:http@0.2.0; interface outgoing-handler { handle: func(); }",
];

const WORLD: &str = "
    package test:handmade;
    world guest {
        include tandem:strategy/routing-strategy@0.1.0;
        import wasi:io/poll@0.2.0;
        import wasi:io/streams@0.2.0;
        import wasi:clocks/wall-clock@0.2.0;
        import wasi:clocks/monotonic-clock@0.2.0;
        import wasi:random/random@0.2.0;
        import wasi:cli/stdout@0.2.0;
        import wasi:cli/stderr@0.2.0;
        import wasi:http/outgoing-handler@0.2.0;
    }";

/// What a guest does beyond nothing.
#[derive(Default)]
pub struct Guest {
    /// Imports of the core module.
    pub imports: &'static str,
    /// Data segments, from address 1024 on.
    pub data: &'static str,
    /// Instructions of each function.
    pub describe: &'static str,
    pub start: &'static str,
    pub on_event: &'static str,
    pub snapshot: &'static str,
    pub dtor: &'static str,
}

impl Guest {
    pub fn component(&self) -> Vec<u8> {
        self.component_of("0.1.0")
    }

    /// The same for another version of the contract.
    pub fn component_of(&self, version: &str) -> Vec<u8> {
        let of_version = |text: &str| text.replace("tandem:strategy@0.1.0", &format!("tandem:strategy@{version}"));
        let mut resolve = Resolve::default();
        // Marks say since when an item is there, and may not be later than the package.
        resolve.push_str("strategy.wit", &of_version(&CONTRACT.replace("@since(version = 0.1.0)", ""))).unwrap();
        for package in WASI {
            resolve.push_str("wasi.wit", package).unwrap();
        }
        let world = WORLD.replace("routing-strategy@0.1.0", &format!("routing-strategy@{version}"));
        let package = resolve.push_str("world.wit", &world).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let mut core = wat::parse_str(self.text().replace("strategy@0.1.0", &format!("strategy@{version}"))).unwrap();
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&core).unwrap().encode().unwrap()
    }

    fn text(&self) -> String {
        let Guest { imports, data, describe, start, on_event, snapshot, dtor } = self;
        let context = "i32 i32 i32 i32 i64 i32 i32";
        format!(
            r#"(module
                (import "[export]tandem:strategy/strategy@0.1.0" "[resource-new]session" (func $new (param i32) (result i32)))
                {imports}
                (memory (export "memory") 1)
                (global $top (mut i32) (i32.const 4096))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                    (global.set $top (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (data (i32.const 16) "handmade")
                (data (i32.const 32) "1")
                (data (i32.const 256) "\10\00\00\00\08\00\00\00\20\00\00\00\01\00\00\00\28\00\00\00\01\00\00\00\01\00\00\00\01")
                {data}
                (func (export "tandem:strategy/strategy@0.1.0#describe") (result i32) {describe} (i32.const 256))
                (func $session (result i32)
                    (i32.store (i32.const 320) (i32.const 0))
                    (i32.store (i32.const 324) (call $new (i32.const 1)))
                    (i32.const 320))
                (func (export "tandem:strategy/strategy@0.1.0#[static]session.start") (param {context}) (result i32)
                    {start} (call $session))
                (func (export "tandem:strategy/strategy@0.1.0#[static]session.restore") (param {context} i32 i32 i32) (result i32)
                    (call $session))
                (func (export "tandem:strategy/strategy@0.1.0#[method]session.on-event") (param i32) (result i32)
                    {on_event} (i32.const 336))
                (func (export "tandem:strategy/strategy@0.1.0#[method]session.snapshot") (param i32) (result i32)
                    {snapshot} (i32.const 352))
                (func (export "tandem:strategy/strategy@0.1.0#[dtor]session") (param i32) {dtor})
            )"#
        )
    }
}
