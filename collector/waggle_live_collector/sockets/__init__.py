"""Listening sockets: unix, TCP, and one that systemd hands over."""
