//! The whole matrix from nothing, and what is resident for it.

use std::time::Duration;

use netpol_engine::{Cluster, Matrix, Profile, Protocol};

use super::clock::{milliseconds, timed};
use super::objects::Objects;
use crate::figures::{Figures, Target, median};
use crate::process::Memory;

/// A cluster, the ports of which a table of all pairs is made, and what is hoped for.
pub(super) struct Cold {
    pub(super) name: &'static str,
    pub(super) objects: Objects,
    pub(super) ports: &'static [u16],
    pub(super) time: Duration,
    pub(super) bytes: f64,
}

const MEGABYTE: f64 = 1e6;

impl Cold {
    /// Measures it, and gives the matrix away.
    pub(super) fn run(self, quick: bool, figures: &Figures) -> anyhow::Result<Matrix> {
        let Self {
            name,
            objects,
            ports,
            time,
            bytes,
        } = self;
        let cluster = objects.cluster()?;
        drop(objects);
        let (first, matrix) = timed(|| build(cluster, ports));
        let memory = Memory::of_this_process()?;
        let mut times = vec![milliseconds(first)];
        for _ in 0..if quick { 0 } else { 4 } {
            let cluster = matrix.cluster().clone();
            let (time, again) = timed(|| build(cluster, ports));
            drop(again);
            times.push(milliseconds(time));
        }
        figures.note(&format!("{name}: {:?}", matrix.size()))?;
        figures.against(
            &format!("netpol_{name}_matrix"),
            median(times),
            "ms",
            Target::AtMost(milliseconds(time)),
        )?;
        figures.against(
            &format!("netpol_{name}_resident"),
            memory.resident / MEGABYTE,
            "MB",
            Target::AtMost(bytes / MEGABYTE),
        )?;
        figures.plain(
            &format!("netpol_{name}_resident_peak"),
            memory.peak / MEGABYTE,
            "MB",
        )?;
        Ok(matrix)
    }
}

/// Every verdict between pods: the matrix, and a table of all pairs for each of these ports.
fn build(cluster: Cluster, ports: &[u16]) -> Matrix {
    let matrix = Matrix::new(cluster, Profile::SPECIFICATION);
    for port in ports {
        std::hint::black_box(matrix.reach(Protocol::Tcp, *port).allowed_pairs());
    }
    matrix
}
