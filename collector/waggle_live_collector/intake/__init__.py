"""Plugin connections: bytes in, messages of the protocol, answers out."""
