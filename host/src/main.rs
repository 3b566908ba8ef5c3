//! The program `tandem`. All of it is in the library, so that tests can call it.

/// A step makes and drops some dozens of small pieces, on one thread and another; the system's allocator was a fifth of its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tandem::cli::main()
}
