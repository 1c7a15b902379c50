//! The kernel's table of TCP sockets, `/proc/net/tcp` and `tcp6`, as `get_tcp4_sock` (`net/ipv4/tcp_ipv4.c`) and `get_tcp6_sock`
//! (`net/ipv6/tcp_ipv6.c`) write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// Our end.
    pub(super) local: SocketAddr,
    /// The other one.
    pub(super) remote: SocketAddr,
    /// What it is doing.
    pub(super) state: State,
    /// By which a process' descriptors name it; 0 for what no process holds any more.
    pub(super) inode: u64,
}

/// What a socket is doing (`include/net/tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The handshake is done.
    Established,
    /// Our SYN is out, and nothing has come back.
    SynSent,
    /// It waits for others to dial it.
    Listen,
    /// It is being closed, or has been, or is not yet there.
    Other,
}

// === impl Socket ===

impl Socket {
    /// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...`; none for the line above them, and
    /// for whatever else is none.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let local = address(fields.nth(1)?)?;
        let remote = address(fields.next()?)?;
        let state = match u8::from_str_radix(fields.next()?, 16).ok()? {
            0x01 => State::Established,
            0x02 => State::SynSent,
            0x0A => State::Listen,
            _ => State::Other,
        };
        let inode = fields.nth(5)?.parse().ok()?;
        Some(Self {
            local,
            remote,
            state,
            inode,
        })
    }
}

/// `0100007F:1F90`: an address as the machine's own words, and a port as a number.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    // `from_str_radix` takes a sign, too, and the kernel writes none.
    if port.len() != 4 || !text.bytes().all(|it| it == b':' || it.is_ascii_hexdigit()) {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |from: usize| {
        let word = u32::from_str_radix(host.get(from..from + 8)?, 16).ok()?;
        // In memory they are in the network's order.
        Some(word.to_ne_bytes())
    };
    let host = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, four) in bytes.chunks_exact_mut(4).enumerate() {
                four.copy_from_slice(&word(8 * at)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the kernel prints it: `%08X` of each word as it lies in memory, `%04X` of the port.
    fn printed(address: SocketAddr) -> String {
        let bytes = match address.ip() {
            IpAddr::V4(it) => it.octets().to_vec(),
            IpAddr::V6(it) => it.octets().to_vec(),
        };
        let words = bytes.chunks_exact(4).map(|four| {
            let word = u32::from_ne_bytes(four.try_into().unwrap());
            format!("{word:08X}")
        });
        format!("{}:{:04X}", words.collect::<String>(), address.port())
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_is_read_as_the_kernel_writes_it() {
        let line = "   1: 0200F40A:D2F0 0700600A:1B9E 01 00000000:00000000 02:000A7214 00000000  1000        0 284915 2 ffff8881 20 4 30 10 -1";
        assert_eq!(
            Socket::read(line),
            Some(Socket {
                local: "10.244.0.2:54000".parse().unwrap(),
                remote: "10.96.0.7:7070".parse().unwrap(),
                state: State::Established,
                inode: 284_915,
            })
        );
        let six = "   0: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0";
        let read = Socket::read(six).unwrap();
        assert_eq!(read.local, "[2001:db8::1]:8080".parse().unwrap());
        assert_eq!(read.state, State::Listen);
        // What a socket of both families talks to over IPv4.
        let mapped = "0000000000000000FFFF00000700600A:1B9E";
        assert_eq!(address(mapped), Some("10.96.0.7:7070".parse().unwrap()));
    }

    #[test]
    fn what_is_no_line_is_none() {
        for line in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "1: 0100007F:1F90",
            "1: 0100007F:1F90 0100007F:1F90 XX 0 0 0 0 0 7",
            "1: 0100007F:1F90 0100007F:1F90 01 0 0 0 0 0 -7",
            "1: +100007F:1F90 0100007F:1F90 01 0 0 0 0 0 7",
            "1: 0100007F:+F90 0100007F:1F90 01 0 0 0 0 0 7",
            "1: 0100007F1:1F90 0100007F:1F90 01 0 0 0 0 0 7",
        ] {
            assert_eq!(Socket::read(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_the_one_that_was_printed(v4: u32, v6: u128, port: u16) {
            let v6 = IpAddr::V6(Ipv6Addr::from(v6));
            for host in [IpAddr::V4(Ipv4Addr::from(v4)), v6] {
                let read = address(&printed(SocketAddr::new(host, port)));
                prop_assert_eq!(read, Some(SocketAddr::new(host.to_canonical(), port)));
            }
        }

        #[test]
        fn nothing_makes_it_panic(line: String) {
            let _ = Socket::read(&line);
            let _ = Socket::read(&format!("1: {line} {line} 01 0 0 0 0 0 7"));
        }
    }
}
