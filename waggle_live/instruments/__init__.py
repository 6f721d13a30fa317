"""The instruments that an author holds: timers, rates, gauges, counters and their decorators."""
