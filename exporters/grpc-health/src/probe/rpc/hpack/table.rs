//! The fields that a reference may stand for: HPACK's static table (RFC 7541 appendix A) and the dynamic one behind it.

use std::collections::VecDeque;

use super::Wrong;

/// Most bytes in the dynamic table, as every connection begins (RFC 9113 section 6.5.2), because we ask for nothing else.
pub(super) const MOST: usize = 4096;
/// What an entry counts beside its bytes (RFC 7541 section 4.1).
pub(super) const EACH: usize = 32;

#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

/// A field, borrowed from a table.
pub(super) type Field<'t> = (&'t [u8], &'t [u8]);

/// The dynamic table, newest first.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    size: usize,
    most: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            most: MOST,
        }
    }
}

impl Table {
    /// The field of an index, which counts from 1 and through both tables.
    pub(super) fn get(&self, index: usize) -> Result<Field<'_>, Wrong> {
        let index = index.checked_sub(1).ok_or(Wrong::Index)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let entry = self.entries.get(index - STATIC.len());
        entry
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .ok_or(Wrong::Index)
    }

    /// Adds a field; older ones go to make room, and one too large for the table empties it.
    pub(super) fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let size = name.len() + value.len() + EACH;
        self.evict(self.most.saturating_sub(size));
        if size <= self.most {
            self.size += size;
            self.entries.push_front((name, value));
        }
    }

    /// Another size, within what we allow.
    pub(super) fn resize(&mut self, most: usize) -> Result<(), Wrong> {
        if most > MOST {
            return Err(Wrong::TableSize);
        }
        self.most = most;
        self.evict(most);
        Ok(())
    }

    fn evict(&mut self, down_to: usize) {
        while self.size > down_to {
            let Some((name, value)) = self.entries.pop_back() else {
                return;
            };
            self.size -= name.len() + value.len() + EACH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_goes_through_both_tables_newest_first() {
        let mut table = Table::default();
        assert_eq!(table.get(0), Err(Wrong::Index));
        assert_eq!(table.get(8), Ok((&b":status"[..], &b"200"[..])));
        assert_eq!(table.get(61), Ok((&b"www-authenticate"[..], &b""[..])));
        assert_eq!(table.get(62), Err(Wrong::Index));
        table.insert(b"a".to_vec(), b"1".to_vec());
        table.insert(b"b".to_vec(), b"2".to_vec());
        assert_eq!(table.get(62), Ok((&b"b"[..], &b"2"[..])));
        assert_eq!(table.get(63), Ok((&b"a"[..], &b"1"[..])));
        assert_eq!(table.get(64), Err(Wrong::Index));
    }

    #[test]
    fn the_oldest_go_and_what_is_too_large_empties_the_table() {
        let mut table = Table::default();
        table.resize(2 * (EACH + 2)).unwrap();
        for name in [b"a", b"b", b"c"] {
            table.insert(name.to_vec(), b"1".to_vec());
        }
        assert_eq!(table.get(63), Ok((&b"b"[..], &b"1"[..])));
        assert_eq!(table.get(64), Err(Wrong::Index));
        table.insert(b"d".to_vec(), vec![b'x'; MOST]);
        assert_eq!((table.entries.len(), table.size), (0, 0));
        assert_eq!(table.resize(MOST + 1), Err(Wrong::TableSize));
    }
}
