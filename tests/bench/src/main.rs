//! Figures beside a peer's in the same run.

fn main() {}
