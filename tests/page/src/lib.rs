//! Each page through Prometheus' own parser.
