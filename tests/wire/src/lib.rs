//! Bytes on sockets: the prober against servers that misbehave.
