//! HPACK (RFC 7541): a request's fields written in its plainest form, a response's read in all its forms.

mod huffman;
mod table;

use std::borrow::Cow;

use table::{EACH, Table};

/// Longest list of fields that is read, each counted as RFC 9113 section 6.5.2 does. A health check needs some 200 bytes.
pub(super) const LONGEST_LIST: usize = 16 * 1024;

/// Why a block of fields cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("it ends too early")]
    Short,
    #[error("a number is too large")]
    Number,
    #[error("a reference leads nowhere")]
    Index,
    #[error("a Huffman code is broken")]
    Huffman,
    #[error("the table's size changes where or to what it may not")]
    TableSize,
    #[error("the list is longer than any health check's")]
    LongList,
}

/// Reads blocks of fields, one after the other, as one side of a connection sends them.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    table: Table,
}

/// What is left of a block.
struct Rest<'b>(&'b [u8]);

/// Appends a field as a literal that no table has to remember (section 6.2.2). `name` is one of the static table's.
pub(super) fn write_known(block: &mut Vec<u8>, name: u8, value: &[u8]) {
    write_number(block, 0, 4, name.into());
    write_string(block, value);
}

/// As [`write_known`], with the name spelt out.
pub(super) fn write(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    write_string(block, name);
    write_string(block, value);
}

fn write_string(block: &mut Vec<u8>, text: &[u8]) {
    write_number(block, 0, 7, text.len());
    block.extend_from_slice(text);
}

/// Section 5.1: as many bits as the first byte has left, and seven a byte from there on.
fn write_number(block: &mut Vec<u8>, pattern: u8, bits: u32, number: usize) {
    let full = (1_usize << bits) - 1;
    let low = |number: usize| u8::try_from(number & 0xff).unwrap_or_default();
    let Some(mut rest) = number.checked_sub(full) else {
        return block.push(pattern | low(number));
    };
    block.push(pattern | low(full));
    while rest >= 0x80 {
        block.push(low(rest & 0x7f) | 0x80);
        rest >>= 7;
    }
    block.push(low(rest));
}

// === impl Decoder ===

impl Decoder {
    /// Hands out the fields of one whole block, in their order.
    pub(super) fn read(
        &mut self,
        block: &[u8],
        mut field: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Wrong> {
        let mut rest = Rest(block);
        let mut length = 0;
        let mut begun = false;
        while let Some(&first) = rest.0.first() {
            let mut hand_out = |name: &[u8], value: &[u8]| {
                length += name.len() + value.len() + EACH;
                if length > LONGEST_LIST {
                    return Err(Wrong::LongList);
                }
                field(name, value);
                Ok(())
            };
            if first & 0x80 != 0 {
                let (name, value) = self.table.get(rest.number(7)?)?;
                hand_out(name, value)?;
            } else if first & 0x40 != 0 {
                let [name, value] = rest.literal(6, &self.table)?;
                hand_out(&name, &value)?;
                let (name, value) = (name.into_owned(), value.into_owned());
                self.table.insert(name, value);
            } else if first & 0x20 != 0 {
                let most = rest.number(5)?;
                if begun {
                    return Err(Wrong::TableSize);
                }
                self.table.resize(most)?;
                continue;
            } else {
                let [name, value] = rest.literal(4, &self.table)?;
                hand_out(&name, &value)?;
            }
            begun = true;
        }
        Ok(())
    }
}

// === impl Rest ===

impl<'b> Rest<'b> {
    fn byte(&mut self) -> Result<u8, Wrong> {
        let (&byte, rest) = self.0.split_first().ok_or(Wrong::Short)?;
        self.0 = rest;
        Ok(byte)
    }

    /// Section 5.1. Nothing that we accept needs more than three bytes.
    fn number(&mut self, bits: u32) -> Result<usize, Wrong> {
        let full = (1_usize << bits) - 1;
        let mut number = usize::from(self.byte()?) & full;
        if number < full {
            return Ok(number);
        }
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Wrong::Number)
    }

    /// Section 5.2.
    fn string(&mut self) -> Result<Cow<'b, [u8]>, Wrong> {
        let is_huffman = self.0.first().ok_or(Wrong::Short)? & 0x80 != 0;
        let length = self.number(7)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Wrong::Short)?;
        self.0 = rest;
        if is_huffman {
            huffman::decode(text).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(text))
        }
    }

    /// Section 6.2: a name, by reference or spelt out, and a value.
    fn literal<'t>(&mut self, bits: u32, table: &'t Table) -> Result<[Cow<'t, [u8]>; 2], Wrong>
    where
        'b: 't,
    {
        let name = match self.number(bits)? {
            0 => self.string()?,
            index => Cow::Borrowed(table.get(index)?.0),
        };
        Ok([name, self.string()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, String)>, Wrong> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        decoder.read(block, |name, value| fields.push((text(name), text(value))))?;
        Ok(fields)
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    /// Appendix C.6.1 and C.6.2, in a table that is large enough to keep everything.
    #[test]
    fn responses_of_the_rfc() {
        let mut decoder = Decoder::default();
        let first = b"\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\
            \x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\
            \x82\xae\x43\xd3";
        let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
        let location = ("location", "https://www.example.com");
        let cache = ("cache-control", "private");
        assert_eq!(
            read(&mut decoder, first),
            Ok(pairs(&[(":status", "302"), cache, date, location]))
        );
        // `:status 307` spelt out, the rest by reference to what came before it.
        assert_eq!(
            read(&mut decoder, b"\x48\x83\x64\x0e\xff\xc1\xc0\xbf"),
            Ok(pairs(&[(":status", "307"), cache, date, location]))
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let long = "x".repeat(5_000);
        let mut block = Vec::new();
        write_known(&mut block, 1, b"127.0.0.1:7070");
        write_known(&mut block, 58, b"tester/1");
        write(&mut block, b"x-who", long.as_bytes());
        let fields = [
            (":authority", "127.0.0.1:7070"),
            ("user-agent", "tester/1"),
            ("x-who", &long),
        ];
        assert_eq!(read(&mut Decoder::default(), &block), Ok(pairs(&fields)));
    }

    #[test]
    fn broken_blocks_are_refused() {
        for (block, wrong) in [
            (&b"\x80"[..], Wrong::Index),
            (b"\xff\x00", Wrong::Index),
            (b"\xbe", Wrong::Index),
            (b"\xff", Wrong::Short),
            (b"\xff\xff\xff\xff\xff", Wrong::Number),
            (b"\x00\x05ab", Wrong::Short),
            (b"\x00\x01a", Wrong::Short),
            (b"\x00\x81\xff\x00", Wrong::Huffman),
            (b"\x88\x20", Wrong::TableSize),
            (b"\x3f\xe2\x1f", Wrong::TableSize),
        ] {
            assert_eq!(
                read(&mut Decoder::default(), block),
                Err(wrong),
                "{block:x?}"
            );
        }
        assert_eq!(
            read(&mut Decoder::default(), b"\x20\x88"),
            Ok(pairs(&[(":status", "200")]))
        );
    }

    #[test]
    fn a_bomb_of_references_is_not_read() {
        let mut block = Vec::new();
        block.push(0x40);
        write_string(&mut block, b"a");
        write_string(&mut block, &[b'x'; 4000]);
        block.extend([0xbe; 1000]);
        assert_eq!(read(&mut Decoder::default(), &block), Err(Wrong::LongList));
    }
}
