"""Knobs: what a controller may set in this process, for as long as its lease lasts."""
