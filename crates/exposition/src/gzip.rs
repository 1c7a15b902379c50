//! gzip (RFC 1952) in sections that can be taken back.
//!
//! A page is compressed while it is written, so that a large one never lies in memory as text. A collector that fails
//! half-way must leave nothing behind, though, and what was compressed cannot be cut at any place: later bytes refer to
//! earlier ones. So each section is deflated for itself (RFC 1951: blocks end at a byte's edge after a flush, and a fresh
//! compressor refers to nothing before it), and the check sum is combined from those of the sections.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty block with fixed codes that says it is the last.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// Room asked for at a time when the output is full, bytes.
const GROWTH: usize = 16 * 1024;

/// A gzip member under construction.
pub(crate) struct Gzip {
    output: Vec<u8>,
    compress: Compress,
    settled: Crc,
    section: Crc,
    section_start: usize,
}

impl Gzip {
    pub(crate) fn new() -> Self {
        Self {
            output: HEADER.to_vec(),
            // Level 1: metrics text repeats itself so much that higher levels cost several times the time for little.
            compress: Compress::new(Compression::fast(), false),
            settled: Crc::new(),
            section: Crc::new(),
            section_start: HEADER.len(),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.section.update(bytes);
        self.deflate(bytes, FlushCompress::None);
    }

    /// Ends the section and keeps it.
    pub(crate) fn settle(&mut self) {
        self.deflate(&[], FlushCompress::Sync);
        self.settled.combine(&self.section);
        self.start_section();
    }

    /// Ends the section and takes it back.
    pub(crate) fn take_back(&mut self) {
        self.output.truncate(self.section_start);
        self.start_section();
    }

    /// Ends the member, and with it the last section.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.settle();
        self.output.extend(LAST_BLOCK);
        self.output.extend(self.settled.sum().to_le_bytes());
        self.output.extend(self.settled.amount().to_le_bytes());
        self.output
    }

    fn start_section(&mut self) {
        self.compress.reset();
        self.section.reset();
        self.section_start = self.output.len();
    }

    fn deflate(&mut self, bytes: &[u8], flush: FlushCompress) {
        let start = self.compress.total_in();
        loop {
            if self.output.capacity() - self.output.len() < GROWTH {
                self.output.reserve(GROWTH);
            }
            let consumed = usize::try_from(self.compress.total_in() - start).unwrap_or(bytes.len());
            let rest = bytes.get(consumed..).unwrap_or_default();
            // Raw deflate into memory has no way to fail; were there one, the check sum would tell the client.
            let _status = self.compress.compress_vec(rest, &mut self.output, flush);
            let consumed = usize::try_from(self.compress.total_in() - start).unwrap_or(bytes.len());
            // Room left over means that the compressor has given all that it had to give.
            if consumed >= bytes.len() && self.output.len() < self.output.capacity() {
                return;
            }
        }
    }
}
