"""Knobs: what somebody else may set in this process, for as long as a lease lasts."""
