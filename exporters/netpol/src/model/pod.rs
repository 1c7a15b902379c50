//! Pods, with what the engine does not ask for: where they listen, and whom their environment names.

use netpol_engine::{ObjectKey, Pod, Protocol};

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchedPod {
    /// What policies see of it.
    pub pod: Pod,
    /// `metadata.uid`, by which a node's agent finds its processes.
    pub uid: String,
    /// The ports that its containers declare.
    pub listens: Vec<(Protocol, u16)>,
    /// Whom its environment says that it calls.
    pub calls: Vec<Call>,
}

/// What makes pods.
#[derive(Clone, Debug)]
pub struct Template {
    /// Which.
    pub key: ObjectKey,
    /// One that stands for all of them; none if there are to be none.
    pub pod: Option<WatchedPod>,
}

/// An address in a pod's environment, such as `CART_SERVICE_ADDR=cartservice:7070`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// A Service's name.
    pub service: String,
    /// Its namespace; without, the pod's own.
    pub namespace: Option<String>,
    /// Its port.
    pub port: u16,
}

/// How variables end that hold an address.
const ENDINGS: [&str; 2] = ["_ADDR", "_ADDRESS"];

/// What may follow `name.namespace`, where the cluster's domain is the usual one.
const SERVICE_DOMAINS: [&str; 2] = ["svc", "svc.cluster.local"];

// === impl Call ===

impl Call {
    /// The call that a variable stands for, if it is one: its name ends in `_ADDR` or `_ADDRESS`, its value is `HOST:PORT`, and the host a
    /// Service's name as the cluster's DNS knows it. `NAME.NAMESPACE` alone may be a name outside as well, so it has to go on with `.svc`.
    pub fn read(variable: &str, value: &str) -> Option<Self> {
        if !ENDINGS.iter().any(|ending| variable.ends_with(ending)) {
            return None;
        }
        let (host, port) = value.rsplit_once(':')?;
        let port = port.parse().ok().filter(|it| *it > 0)?;
        let mut parts = host.trim_end_matches('.').splitn(3, '.');
        let (service, namespace) = (parts.next()?, parts.next());
        match (namespace, parts.next()) {
            (None, None) => {}
            (Some(_), Some(domain)) if SERVICE_DOMAINS.contains(&domain) => {}
            _ => return None,
        }
        let is_label = |text: &str| {
            let mut bytes = text.bytes();
            bytes
                .clone()
                .next()
                .is_some_and(|it| it.is_ascii_lowercase())
                && bytes.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        };
        if service == "localhost" || !is_label(service) || !namespace.is_none_or(is_label) {
            return None;
        }
        Some(Self {
            service: service.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variable: &str, value: &str) -> Option<(String, Option<String>, u16)> {
        let call = Call::read(variable, value)?;
        Some((call.service, call.namespace, call.port))
    }

    #[test]
    fn an_address_is_a_service_and_a_port() {
        let cart =
            |namespace: Option<&str>| Some(("cart".to_owned(), namespace.map(str::to_owned), 7070));
        assert_eq!(read("CART_SERVICE_ADDR", "cart:7070"), cart(None));
        assert_eq!(
            read("CART_ADDRESS", "cart.shop.svc:7070"),
            cart(Some("shop"))
        );
        assert_eq!(
            read("CART_ADDR", "cart.shop.svc.cluster.local.:7070"),
            cart(Some("shop"))
        );
        for (variable, value) in [
            ("CART", "cart:7070"),
            ("CART_ADDR", "cart"),
            ("CART_ADDR", "cart:0"),
            ("CART_ADDR", "cart:http"),
            ("CART_ADDR", "10.0.0.1:80"),
            ("CART_ADDR", "[::1]:80"),
            ("CART_ADDR", ":8080"),
            ("CART_ADDR", "localhost:80"),
            ("CART_ADDR", "example.com:443"),
            ("CART_ADDR", "a.b.example.com:443"),
            ("CART_ADDR", "http://cart:7070"),
        ] {
            assert_eq!(read(variable, value), None, "{variable}={value}");
        }
    }
}
