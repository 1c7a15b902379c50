//! The day, played: the shop, the exporter, the fault, the fix, the evidence.

fn main() -> std::process::ExitCode {
    demo::run()
}
