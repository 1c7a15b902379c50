//! Sockets, and what the kernel's answers to them mean.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use reach::{Outcome, PodName};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use super::enter::Entrance;

/// Where sockets are made: in the own network, or in a pod's.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The address to dial from; the route's choice if there is none.
    pub from: Option<IpAddr>,
    /// The way into pods' networks, where that is permitted.
    pub entrance: Option<Entrance>,
}

/// Why a dial could not be made, for reasons of the agent's own.
#[derive(Debug, thiserror::Error)]
pub enum Unable {
    /// No descriptors, no ports, no such address.
    #[error("no socket: {0}")]
    Socket(#[from] io::Error),
    /// A pod's network is wanted, and no `--enter`.
    #[error("the plan wants to dial from {0}, and this agent enters no pods")]
    NoEntrance(PodName),
    /// Not among the networks that may be dialled.
    #[error("the plan wants to dial {0}, and --dial.allow does not permit that")]
    Forbidden(IpAddr),
}

// === impl Sockets ===

impl Sockets {
    /// A connection.
    pub(super) async fn tcp(
        &self,
        pod: Option<&PodName>,
        address: SocketAddr,
    ) -> Result<io::Result<TcpStream>, Unable> {
        let socket = self.socket(pod, address, Type::STREAM)?;
        socket.set_tcp_nodelay(true)?;
        let socket = TcpSocket::from_std_stream(socket.into());
        Ok(socket.connect(address).await)
    }

    /// A datagram socket to one address: only such a one is told of ICMP errors.
    pub(super) async fn udp(
        &self,
        pod: Option<&PodName>,
        address: SocketAddr,
    ) -> Result<io::Result<UdpSocket>, Unable> {
        let socket = self.socket(pod, address, Type::DGRAM)?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(socket.connect(address).await.map(|()| socket))
    }

    fn socket(
        &self,
        pod: Option<&PodName>,
        address: SocketAddr,
        kind: Type,
    ) -> Result<Socket, Unable> {
        let domain = Domain::for_address(address);
        let socket = match (pod, &self.entrance) {
            (None, _) => {
                let socket = Socket::new(domain, kind, None)?;
                if let Some(from) = self.from.filter(|it| it.is_ipv4() == address.is_ipv4()) {
                    socket.bind(&SocketAddr::new(from, 0).into())?;
                }
                socket
            }
            (Some(pod), Some(entrance)) => entrance.socket(pod, domain, kind)?,
            (Some(pod), None) => return Err(Unable::NoEntrance(pod.clone())),
        };
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// What it means that no connection came about.
pub(super) fn of_connect(error: io::Error) -> Result<Outcome, Unable> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Ok(Outcome::Refused),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Ok(Outcome::Reset),
        _ => of_way(error),
    }
}

/// What it means that a datagram was not sent, or that instead of an answer an error came.
pub(super) fn of_datagram(error: io::Error) -> Result<Outcome, Unable> {
    match error.kind() {
        // Linux gives ICMP port unreachable to a connected socket as this.
        ErrorKind::ConnectionRefused => Ok(Outcome::PortUnreachable),
        _ => of_way(error),
    }
}

/// What the way itself says. Everything that cannot be pinned on it is ours.
fn of_way(error: io::Error) -> Result<Outcome, Unable> {
    match error.kind() {
        ErrorKind::TimedOut => Ok(Outcome::TimedOut),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Ok(Outcome::Unreachable),
        // EPERM of a filter on the way out, EACCES of a prohibiting route (ip-route(8)).
        ErrorKind::PermissionDenied => Ok(Outcome::Prohibited),
        _ => match error.raw_os_error() {
            // ENOPROTOOPT, for ICMP protocol unreachable (icmp_err_convert in net/ipv4/icmp.c).
            Some(92) => Ok(Outcome::Unreachable),
            _ => Err(error.into()),
        },
    }
}

/// What it means that an open connection broke.
pub(super) fn of_stream(error: &io::Error) -> Outcome {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Outcome::Reset,
        // The keep-alive of a way that was cut meanwhile.
        ErrorKind::TimedOut | ErrorKind::HostUnreachable => Outcome::Unanswered,
        _ => Outcome::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_way_are_told_apart_and_our_own_blame_nobody() {
        let outcome = |number: i32| of_connect(io::Error::from_raw_os_error(number)).ok();
        for (number, expected) in [
            (111, Some(Outcome::Refused)),     // ECONNREFUSED
            (110, Some(Outcome::TimedOut)),    // ETIMEDOUT
            (113, Some(Outcome::Unreachable)), // EHOSTUNREACH
            (101, Some(Outcome::Unreachable)), // ENETUNREACH
            (92, Some(Outcome::Unreachable)),  // ENOPROTOOPT
            (1, Some(Outcome::Prohibited)),    // EPERM
            (13, Some(Outcome::Prohibited)),   // EACCES
            (104, Some(Outcome::Reset)),       // ECONNRESET
            (24, None),                        // EMFILE
            (23, None),                        // ENFILE
            (99, None),                        // EADDRNOTAVAIL
            (105, None),                       // ENOBUFS
            (12, None),                        // ENOMEM
        ] {
            assert_eq!(outcome(number), expected, "{number}");
        }
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(of_datagram(refused).ok(), Some(Outcome::PortUnreachable));
    }
}
