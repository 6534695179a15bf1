//! The installed binary: the operator's commands.

fn main() -> std::process::ExitCode {
    helionyx_deploy::cli::main()
}
