//! Which of the calls that this pod has to make does the network really let through?

fn main() -> std::process::ExitCode {
    reach_agent::run()
}
