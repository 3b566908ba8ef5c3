//! The program `tandem`. All of it is in the library, so that tests can call it.

fn main() -> std::process::ExitCode {
    tandem::cli::main()
}
