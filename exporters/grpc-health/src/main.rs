//! How near is each pod's gRPC health probe to its own budget, and which budget would be safe?

fn main() -> std::process::ExitCode {
    grpc_health_exporter::run()
}
