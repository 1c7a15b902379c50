//! `cargo run -p hpa-oracle -- --help`

fn main() -> std::process::ExitCode {
    hpa_oracle::command::run(std::env::args_os())
}
