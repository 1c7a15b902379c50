//! `hpa-exporter` as a program of this package, so that a test finds it built.

fn main() -> std::process::ExitCode {
    hpa_exporter::run()
}
