//! What is deployed and is no strategy of this release.

use tandem::deployment::{Lacking, Loader};
use tandem_store::{Memory, Store};
use tandem_strategy::{Catalogue, Engine, EngineLimits, Strategy};

use crate::program::Site;

fn guest(name: &str) -> Vec<u8> {
    tandem_test_guests::guest(name).unwrap().wasm.to_vec()
}

/// The component as a later contract's SDK would have made it.
fn of_version(mut component: Vec<u8>, version: &[u8; 5]) -> Vec<u8> {
    let (package, known) = (b"tandem:strategy/", b"@0.1.0");
    let mut at = 0;
    while let Some(found) = component[at..].windows(package.len()).position(|part| part == package) {
        at += found + package.len();
        let name = component[at..].iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
        if component[at + name..].starts_with(known) {
            component[at + name + 1..at + name + known.len()].copy_from_slice(version);
        }
    }
    component
}

#[test]
fn what_is_no_strategy_of_this_release_is_named_and_neither_checked_as_good_nor_run() {
    let good = guest("fails");
    let mut garbage = good.clone();
    garbage[8..].fill(0xa5);
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("another-world.wasm", guest("another-world"), &["imports example:greeting/clock@1.0.0", "take out the library"]),
        ("later.wasm", of_version(good.clone(), b"0.2.0"), &["@0.2.0", "serves tandem:strategy@0.1.0", "build it again"]),
        ("module.wasm", b"\0asm\x01\0\0\0".to_vec(), &["a core WebAssembly module, not a component", "wasm-component-ld"]),
        ("no-world.wasm", b"\0asm\x0d\0\x01\0".to_vec(), &["does not export tandem:strategy/strategy@0.1.0", "no strategy"]),
        ("garbage.wasm", garbage, &["damaged"]),
        ("truncated.wasm", good[..good.len() / 2].to_vec(), &["damaged"]),
        ("empty.wasm", Vec::new(), &["not WebAssembly", "give the .wasm file"]),
        ("source.rs", b"fn main() {}".to_vec(), &["not WebAssembly", "give the .wasm file"]),
    ];
    let site = Site::new();
    for (name, bytes, says) in cases {
        site.write(name, bytes);
        site.options(name);
        let checked = site.tandem(&["check", name]);
        checked.check(1, &[&[name, "cannot be run"], says].concat());
        let run = site.run();
        run.check(3, &[&["routing point 8000", name, "cannot be run"], says].concat());
    }
    // The store took no harm: the next deployment runs.
    site.write("good.wasm", good);
    site.options("good.wasm");
    site.tandem(&["check", "good.wasm"]).check(0, &["good.wasm: good", "fails 0.1.0"]);
    let mut host = site.start(&["run", "--instance", "101/a"]);
    host.says("primary: lease taken", 1);
    host.stops();
}

#[test]
fn a_kept_version_that_cannot_be_loaded_any_more_does_not_keep_the_others_from_running() {
    let engine = Engine::new(EngineLimits::default()).unwrap();
    let version = |name: &str| Strategy::load(&engine, &guest(name), None).unwrap().version();
    let [good, damaged, gone] = ["echo", "fails", "loops"].map(version);
    let mut store = Memory::new(1);
    store.keep_component(good, "echo", &guest("echo")).unwrap();
    store.keep_component(damaged, "fails", b"\0asm, once").unwrap();
    let catalogue = Catalogue::new();
    let (loader, lacking) = (Loader { engine: &engine, cache: None, catalogue: &catalogue }, Lacking::default());
    let soon = loader.load_kept(&[good, damaged, gone].into(), store.reader().unwrap().as_mut(), &lacking).unwrap();
    assert!(!soon, "another try would end the same way");
    assert!(lacking.has(&damaged) && lacking.has(&gone) && lacking.len() == 2);
    assert!(catalogue.get(&good).is_some());
    assert!(catalogue.get(&damaged).is_none() && catalogue.get(&gone).is_none());
}

#[test]
fn a_component_that_is_missing_or_no_file_is_named_with_its_routing_point() {
    let site = Site::new();
    site.tandem(&["check", "gone.wasm"]).check(3, &["gone.wasm", "tandem build"]);
    site.options("gone.wasm");
    site.run().check(3, &["gone.wasm", "tandem build"]);
    std::fs::create_dir(site.path("folder.wasm")).unwrap();
    site.tandem(&["check", "folder.wasm"]).check(3, &["folder.wasm"]);
    site.options("folder.wasm");
    site.run().check(3, &["folder.wasm"]);
    site.options("builtin:wellcome");
    site.run().check(3, &["no built-in strategy \"wellcome\"", "welcome"]);
}

#[test]
fn a_parameter_that_the_strategy_does_not_know_is_named_with_those_it_knows() {
    let site = Site::new();
    site.changed_options("default-route = \"9000\"", "default-route = \"9000\"\nparameters = { tarket = \"sales\" }");
    site.run().check(3, &["routing point 8000", "no parameter \"tarket\"", "target, wait-s"]);
}
