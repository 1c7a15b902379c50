//! The body of a page while it is written, plain or compressed, section by section.

use bytes::Bytes;

use crate::gzip::Gzip;
use crate::negotiate::Coding;

/// Bytes collected before they are compressed: one call of the compressor costs more than a line of text.
const STAGE: usize = 32 * 1024;

/// A body under construction. What was written since the last [`settle`](Self::settle) can be taken back.
pub(crate) enum Body {
    Identity {
        output: Vec<u8>,
        section_start: usize,
    },
    Gzip {
        staged: Vec<u8>,
        gzip: Box<Gzip>,
    },
}

impl Body {
    pub(crate) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Identity => Self::Identity {
                output: Vec::new(),
                section_start: 0,
            },
            Coding::Gzip => Self::Gzip {
                staged: Vec::with_capacity(STAGE),
                gzip: Box::new(Gzip::new()),
            },
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Identity { output, .. } => output.extend_from_slice(bytes),
            Self::Gzip { staged, gzip } => {
                if staged.len() + bytes.len() > STAGE {
                    gzip.write(staged);
                    staged.clear();
                }
                if bytes.len() > STAGE {
                    gzip.write(bytes);
                } else {
                    staged.extend_from_slice(bytes);
                }
            }
        }
    }

    /// Keeps what was written since the last call of either.
    pub(crate) fn settle(&mut self) {
        match self {
            Self::Identity {
                output,
                section_start,
            } => *section_start = output.len(),
            Self::Gzip { staged, gzip } => {
                gzip.write(staged);
                staged.clear();
                gzip.settle();
            }
        }
    }

    /// Takes back what was written since the last call of either.
    pub(crate) fn take_back(&mut self) {
        match self {
            Self::Identity {
                output,
                section_start,
            } => output.truncate(*section_start),
            Self::Gzip { staged, gzip } => {
                staged.clear();
                gzip.take_back();
            }
        }
    }

    /// The whole body, the open section with it.
    pub(crate) fn finish(self) -> Bytes {
        match self {
            Self::Identity { output, .. } => output.into(),
            Self::Gzip { staged, mut gzip } => {
                gzip.write(&staged);
                gzip.finish().into()
            }
        }
    }
}
