//! The kubelet's probe state machine, replay and recommendation. Pure: no I/O, no clock.
