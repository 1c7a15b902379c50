//! `grpc-health-exporter` as a program of this package, so that a test finds it built.

fn main() -> std::process::ExitCode {
    grpc_health_exporter::run()
}
