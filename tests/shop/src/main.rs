//! `shop`: one of Online Boutique's services, all twelve, or many that only answer health checks.

fn main() -> std::process::ExitCode {
    shop::command(std::env::args_os())
}
