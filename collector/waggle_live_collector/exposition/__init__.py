"""The table as text: Prometheus, OpenMetrics, JSON."""
