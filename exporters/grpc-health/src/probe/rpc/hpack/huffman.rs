//! HPACK's Huffman code (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: codes of one length follow each other in the order of their symbols, and each length goes on
//! where the one before ended. So the lengths alone say everything, and the rest is computed from them.

use super::Wrong;

/// Length of each symbol's code in bits, 0 to 255 and then the end of the string.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const SYMBOLS: usize = 257;
const END_OF_STRING: u16 = 256;
const LONGEST: usize = 30;

/// Symbols in the order of their codes.
const IN_ORDER: [u16; SYMBOLS] = in_order();
/// How many codes each length has.
const COUNTS: [u16; LONGEST + 1] = counts();

const fn counts() -> [u16; LONGEST + 1] {
    let mut counts = [0; LONGEST + 1];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        counts[LENGTHS[symbol] as usize] += 1;
        symbol += 1;
    }
    counts
}

const fn in_order() -> [u16; SYMBOLS] {
    let mut order = [0; SYMBOLS];
    let (mut place, mut length) = (0, 1);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol <= END_OF_STRING {
            if LENGTHS[symbol as usize] as usize == length {
                order[place] = symbol;
                place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    order
}

/// Decodes a string, which may end in up to seven ones.
pub(super) fn decode(coded: &[u8]) -> Result<Vec<u8>, Wrong> {
    // No code is shorter than five bits.
    let mut text = Vec::with_capacity(coded.len() * 8 / 5);
    let mut code = Code::default();
    for byte in coded {
        for place in (0..u8::BITS).rev() {
            match code.push(byte >> place & 1) {
                None => {}
                Some(END_OF_STRING) => return Err(Wrong::Huffman),
                Some(symbol) => {
                    text.push(u8::try_from(symbol).map_err(|_| Wrong::Huffman)?);
                    code = Code::default();
                }
            }
        }
    }
    if code.is_padding() {
        Ok(text)
    } else {
        Err(Wrong::Huffman)
    }
}

/// A code, bit by bit.
#[derive(Default)]
struct Code {
    length: usize,
    value: u32,
    /// The first code of this length.
    first: u32,
    /// How many codes are shorter.
    shorter: u16,
}

impl Code {
    /// The symbol, once it is complete.
    fn push(&mut self, bit: u8) -> Option<u16> {
        self.first = (self.first + u32::from(COUNTS[self.length])) << 1;
        self.shorter += COUNTS[self.length];
        self.length += 1;
        self.value = self.value << 1 | u32::from(bit);
        let place = self.value - self.first;
        (place < u32::from(COUNTS[self.length])).then(|| {
            let place = usize::from(self.shorter) + place as usize;
            IN_ORDER[place]
        })
    }

    /// The beginning of the end of the string, which is all ones, and shorter than a byte.
    fn is_padding(&self) -> bool {
        self.length < 8 && self.value + 1 == 1 << self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_complete() {
        // Kraft's sum in units of the longest code: exactly one means that every bit string is a code's.
        let sum: u64 = LENGTHS
            .iter()
            .map(|length| 1 << (LONGEST - usize::from(*length)))
            .sum();
        assert_eq!(sum, 1 << LONGEST);
    }

    #[test]
    fn strings_of_the_rfc() {
        for (coded, text) in [
            (
                &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..],
                "www.example.com",
            ),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\x64\x02", "302"),
            (b"\xae\xc3\x77\x1a\x4b", "private"),
            (b"", ""),
        ] {
            assert_eq!(decode(coded), Ok(text.into()));
        }
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones_and_the_end_is_not_spelt_out() {
        for coded in [&b"\xff"[..], b"\x64\x02\xff", b"\x00", b"\xff\xff\xff\xff"] {
            assert_eq!(decode(coded), Err(Wrong::Huffman), "{coded:x?}");
        }
    }
}
