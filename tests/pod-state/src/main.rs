//! `pod-state`: two series of kube-state-metrics, for a cluster that cannot have kube-state-metrics.

fn main() -> std::process::ExitCode {
    pod_state::run()
}
