//! RESP2: commands as arrays of bulk strings or as a line, and the replies to them.

/// The longest argument taken, and the longest line.
const LONGEST_ARGUMENT: usize = 1 << 20;
const LONGEST_LINE: usize = 64 * 1024;
/// The most arguments of one command.
const MOST_ARGUMENTS: usize = 1 << 14;

/// A command's name and its arguments.
pub(crate) type Command = Vec<Vec<u8>>;

/// What a command is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A short text without line breaks, such as `OK`.
    Simple(&'static str),
    /// An error; its first word is its kind.
    Error(String),
    /// A number.
    Integer(i64),
    /// A string of bytes, or none.
    Bulk(Option<Vec<u8>>),
    /// Strings of bytes.
    Array(Vec<Vec<u8>>),
}

/// The peer does not speak RESP; Redis tells it so and closes the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("ERR Protocol error: invalid multibulk length")]
    ArrayLength,
    #[error("ERR Protocol error: invalid bulk length")]
    BulkLength,
    #[error("ERR Protocol error: expected '$', got '{0}'")]
    NotBulk(char),
    #[error("ERR Protocol error: too big inline request")]
    Line,
}

impl Reply {
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Simple(text) => into.extend_from_slice(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => {
                // A line break inside would end the reply early.
                let line = text.replace(['\r', '\n'], " ");
                into.extend_from_slice(format!("-{line}\r\n").as_bytes());
            }
            Self::Integer(number) => into.extend_from_slice(format!(":{number}\r\n").as_bytes()),
            Self::Bulk(None) => into.extend_from_slice(b"$-1\r\n"),
            Self::Bulk(Some(bytes)) => write_bulk(bytes, into),
            Self::Array(items) => write_array(items, into),
        }
    }
}

/// Writes an array of bulk strings: also the form in which a command is sent.
pub(crate) fn write_array<B: AsRef<[u8]>>(items: &[B], into: &mut Vec<u8>) {
    into.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
    for item in items {
        write_bulk(item.as_ref(), into);
    }
}

fn write_bulk(bytes: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    into.extend_from_slice(bytes);
    into.extend_from_slice(b"\r\n");
}

/// The first command in `bytes` and how many bytes it took, or nothing when it is not complete. An empty line is an empty command.
pub(crate) fn command(bytes: &[u8]) -> Result<Option<(Command, usize)>, Broken> {
    let Some((line, mut position)) = line(bytes)? else {
        return Ok(None);
    };
    let Some(count) = line.strip_prefix(b"*") else {
        let words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        return Ok(Some((words.map(<[u8]>::to_vec).collect(), position)));
    };
    let count = number(count)
        .filter(|count| *count <= MOST_ARGUMENTS)
        .ok_or(Broken::ArrayLength)?;
    let mut arguments = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        match bulk(&bytes[position..])? {
            None => return Ok(None),
            Some((argument, length)) => {
                arguments.push(argument.to_vec());
                position += length;
            }
        }
    }
    Ok(Some((arguments, position)))
}

fn bulk(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Broken> {
    match bytes.first() {
        None => return Ok(None),
        Some(b'$') => {}
        Some(other) => return Err(Broken::NotBulk(char::from(*other))),
    }
    let Some((line, begin)) = line(bytes)? else {
        return Ok(None);
    };
    let length = number(&line[1..])
        .filter(|length| *length <= LONGEST_ARGUMENT)
        .ok_or(Broken::BulkLength)?;
    let end = begin + length;
    Ok((bytes.len() >= end + 2).then(|| (&bytes[begin..end], end + 2)))
}

/// The line without its end, and where the next one begins.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Broken> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => Ok(Some((
            bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]),
            end + 1,
        ))),
        None if bytes.len() > LONGEST_LINE => Err(Broken::Line),
        None => Ok(None),
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &[Vec<u8>]) -> Vec<String> {
        command
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    }

    #[test]
    fn a_command_is_read_however_it_is_cut() {
        let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nPING\r\n";
        for cut in 0..=30 {
            assert_eq!(
                command(&bytes[..cut]).map(|found| found.is_some()),
                Ok(cut == 30),
                "{cut}"
            );
        }
        let (first, length) = command(bytes).unwrap().unwrap();
        assert_eq!(words(&first), ["SET", "k", "a\r\nb"]);
        assert_eq!(
            words(&command(&bytes[length..]).unwrap().unwrap().0),
            ["PING"]
        );
    }

    #[test]
    fn what_is_not_resp_is_said_to_be_so() {
        for (bytes, broken) in [
            (&b"*x\r\n"[..], Broken::ArrayLength),
            (b"*99999999\r\n", Broken::ArrayLength),
            (b"*1\r\n$-5\r\n", Broken::BulkLength),
            (b"*1\r\n$99999999\r\n", Broken::BulkLength),
            (b"*1\r\n:1\r\n", Broken::NotBulk(':')),
            (&"a".repeat(LONGEST_LINE + 1).into_bytes(), Broken::Line),
        ] {
            assert_eq!(command(bytes), Err(broken));
        }
    }
}
