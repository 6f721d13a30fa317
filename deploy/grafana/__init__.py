"""The Grafana dashboard and the program that makes it."""
