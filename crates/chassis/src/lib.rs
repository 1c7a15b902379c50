//! The process around an exporter: flags, logs, web server, TLS and authentication, health, landing page, shutdown.
