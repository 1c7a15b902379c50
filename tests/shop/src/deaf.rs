//! Not hearing some callers: their packets are dropped before the listener sees them, as a network policy's are.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use socket2::{SockFilter, SockRef};

/// `BPF_LD | BPF_W | BPF_ABS`: a word of the packet.
const LOAD: u16 = 0x20;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`: so many bytes of the packet are kept.
const KEEP: u16 = 0x06;
/// The source address, from the beginning of the IPv4 header (`SKF_NET_OFF`).
const SOURCE: u32 = 0xfff0_0000 + 12;

/// Makes a listener deaf to these callers, and to no others. The kernel runs the filter on what arrives for a listener (`tcp_filter` in
/// `net/ipv4/tcp_ipv4.c`), before it answers a SYN.
pub(crate) fn be(listener: &TcpListener, callers: &[Ipv4Addr]) -> io::Result<()> {
    let socket = SockRef::from(listener);
    if callers.is_empty() {
        return match socket.detach_filter() {
            // There was none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            detached => detached,
        };
    }
    let mut program = vec![SockFilter::new(LOAD, 0, 0, SOURCE)];
    for (index, caller) in callers.iter().enumerate() {
        // Over those that come after it, and over what lets everybody else in.
        let ahead = callers.len() - index;
        let ahead = u8::try_from(ahead).map_err(io::Error::other)?;
        program.push(SockFilter::new(JUMP_IF_EQUAL, ahead, 0, u32::from(*caller)));
    }
    program.push(SockFilter::new(KEEP, 0, 0, u32::MAX));
    program.push(SockFilter::new(KEEP, 0, 0, 0));
    socket.attach_filter(&program)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};

    use super::*;

    fn calls(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&to.into(), Duration::from_millis(300))?;
        Ok(socket.into())
    }

    #[test]
    fn whom_it_is_deaf_to_meets_silence_and_nobody_else_does() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let [a, b, c] = [1, 2, 3].map(|last| Ipv4Addr::new(127, 9, 9, last));
        be(&listener, &[]).unwrap();
        be(&listener, &[a, b]).unwrap();
        for silenced in [a, b] {
            let error = calls(silenced, address).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        calls(c, address).unwrap();
        be(&listener, &[b]).unwrap();
        calls(a, address).unwrap();
        assert!(calls(b, address).is_err());
        be(&listener, &[]).unwrap();
        calls(b, address).unwrap();
    }

    #[test]
    fn as_many_as_may_be_set_fit_into_a_filter() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let callers: Vec<_> = (0..200)
            .map(|last| Ipv4Addr::new(127, 9, 8, last))
            .collect();
        be(&listener, &callers).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(calls(callers[0], address).is_err());
        assert!(calls(callers[199], address).is_err());
        calls(Ipv4Addr::new(127, 9, 9, 9), address).unwrap();
    }
}
