"""What an author holds: timers, rates, gauges, counters, and the decorators."""
