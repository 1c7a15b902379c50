//! Which calls that the application needs do the `NetworkPolicies` forbid, does the network agree, and which policy is to blame?

fn main() -> std::process::ExitCode {
    netpol_exporter::run()
}
