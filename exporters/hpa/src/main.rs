//! What did the autoscaler want, what cut the wish, and when will it let go?

fn main() -> std::process::ExitCode {
    hpa_exporter::run()
}
