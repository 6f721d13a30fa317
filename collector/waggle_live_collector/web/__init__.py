"""HTTP on port 9090: routes, guard, page, stream, TLS and passwords."""
