//! TLS: believed, verified, refused, and spoken to somebody who does not.
