//! A good component, but of another world: it imports and exports nothing that Tandem knows.

wit_bindgen::generate!({
    inline: "
        package example:greeting@1.0.0;

        interface clock {
            now: func() -> u64;
        }

        world greeter {
            import clock;
            export greet: func(name: string) -> string;
        }
    ",
});

/// The component.
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
struct Greeter;

impl Guest for Greeter {
    fn greet(name: String) -> String {
        format!("{} says hello to {name}", example::greeting::clock::now())
    }
}

#[cfg(target_family = "wasm")]
export!(Greeter);
