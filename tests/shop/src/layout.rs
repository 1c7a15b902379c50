//! Where each role listens: a loopback address of its own with its real port, or a free port where that one is taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::role::Role;

/// The port of every role's admin server, where it is free.
pub const ADMIN_PORT: u16 = 9610;

/// The third byte of the addresses, unless asked for otherwise.
const STANDARD: u8 = 1;

/// Connections the kernel holds for a listener that does not accept them.
const BACKLOG: i32 = 1024;

/// An address that was asked for, and the one that was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What was asked for; port 0 asks for any.
    pub wanted: SocketAddr,
    /// What was got. Equal to `wanted` until a port is taken or a free one is chosen.
    pub actual: SocketAddr,
}

/// The addresses of all twelve roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    seats: Vec<Seat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seat {
    traffic: Option<Place>,
    admin: Place,
}

impl Place {
    /// A place not yet taken.
    pub const fn new(wanted: SocketAddr) -> Self {
        Self {
            wanted,
            actual: wanted,
        }
    }

    /// Whether another address than the one asked for had to do.
    pub fn moved(&self) -> bool {
        self.wanted.ip() != self.actual.ip()
            || (self.wanted.port() != 0 && self.wanted.port() != self.actual.port())
    }

    /// Binds and listens: at `actual`, else at any port of that address, else at any port of 127.0.0.1 (some systems have no other
    /// loopback address). `actual` tells which it was.
    pub fn listen(&mut self) -> io::Result<TcpListener> {
        let same_address = SocketAddr::new(self.actual.ip(), 0);
        let last_resort = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = listen(self.actual)
            .or_else(|_| listen(same_address))
            .or_else(|_| listen(last_resort))?;
        self.actual = listener.local_addr()?;
        Ok(listener)
    }
}

impl Layout {
    /// 127.0.1.1 to 127.0.1.12 in the order of [`Role::ALL`], with the real container ports.
    pub fn standard() -> Self {
        Self::street(STANDARD)
    }

    /// 127.0.N.1 to 127.0.N.12, with the real container ports: a shop beside others.
    pub fn street(number: u8) -> Self {
        Self::with(number, Role::container_port, ADMIN_PORT)
    }

    /// The same addresses, each with any free port.
    pub fn on_free_ports() -> Self {
        Self::with(STANDARD, |role| role.container_port().map(|_| 0), 0)
    }

    fn with(street: u8, port: fn(Role) -> Option<u16>, admin_port: u16) -> Self {
        let seats = Role::ALL.map(|role| {
            let address = IpAddr::V4(Ipv4Addr::new(127, 0, street, role.index() + 1));
            Seat {
                traffic: port(role).map(|port| Place::new(SocketAddr::new(address, port))),
                admin: Place::new(SocketAddr::new(address, admin_port)),
            }
        });
        Self {
            seats: seats.into(),
        }
    }

    /// Settles every address by listening on it for a moment, for roles that will be started as processes of their own.
    ///
    /// Another process can take a port between this and its use; whoever starts a role reads back where it listens.
    pub fn settle(&mut self) -> io::Result<()> {
        let mut held = Vec::new();
        for role in Role::ALL {
            if let Some(traffic) = self.traffic_mut(role) {
                held.push(traffic.listen()?);
            }
            held.push(self.admin_mut(role).listen()?);
        }
        Ok(())
    }

    /// Notes where a role has come to listen that was started apart from the others.
    pub fn seat(&mut self, role: Role, traffic: Option<Place>, admin: Place) {
        self.seats[usize::from(role.index())] = Seat { traffic, admin };
    }

    /// Where the role listens for its callers and its probes; none for the load generator.
    pub fn traffic(&self, role: Role) -> Option<Place> {
        self.seats[usize::from(role.index())].traffic
    }

    /// Where the role's faults and figures are to be had.
    pub fn admin(&self, role: Role) -> Place {
        self.seats[usize::from(role.index())].admin
    }

    /// The actual address of [`Layout::traffic`].
    pub fn address(&self, role: Role) -> Option<SocketAddr> {
        self.traffic(role).map(|place| place.actual)
    }

    /// The roles that could not have the address they wanted.
    pub fn moved(&self) -> impl Iterator<Item = (Role, Place)> {
        Role::ALL.into_iter().flat_map(|role| {
            let places = [self.traffic(role), Some(self.admin(role))];
            places
                .into_iter()
                .flatten()
                .filter(Place::moved)
                .map(move |place| (role, place))
        })
    }

    pub(crate) fn traffic_mut(&mut self, role: Role) -> Option<&mut Place> {
        self.seats[usize::from(role.index())].traffic.as_mut()
    }

    pub(crate) fn admin_mut(&mut self, role: Role) -> &mut Place {
        &mut self.seats[usize::from(role.index())].admin
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::standard()
    }
}

/// Listens at exactly this address, without blocking. A port left in TIME-WAIT by an earlier run counts as free.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_a_free_one_and_both_are_known() {
        let holder = TcpListener::bind("127.0.1.2:0").unwrap();
        let taken = holder.local_addr().unwrap();
        let mut layout = Layout::on_free_ports();
        *layout.traffic_mut(Role::CartService).unwrap() = Place::new(taken);
        layout.settle().unwrap();

        let place = layout.traffic(Role::CartService).unwrap();
        assert_eq!(place.wanted, taken);
        assert_eq!(place.actual.ip(), taken.ip());
        assert_ne!(place.actual.port(), taken.port());
        assert_eq!(
            layout.moved().collect::<Vec<_>>(),
            [(Role::CartService, place)]
        );
    }

    #[test]
    fn the_standard_layout_has_an_address_per_role_and_the_real_ports() {
        let layout = Layout::standard();
        assert_eq!(
            layout.address(Role::CartService),
            "127.0.1.2:7070".parse().ok()
        );
        assert_eq!(layout.address(Role::LoadGenerator), None);
        assert_eq!(
            layout.admin(Role::LoadGenerator).wanted,
            "127.0.1.12:9610".parse().unwrap()
        );
    }
}
