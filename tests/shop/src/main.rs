//! Online Boutique's twelve services on loopback, with faults to set at run time.

fn main() {}
