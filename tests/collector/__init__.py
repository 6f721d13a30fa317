"""Tests of the collector; ``harness`` starts real ones for any test."""
