"""Carries the series to the collector: sender, connection, session, address."""
