"""The plugins that measurements start, each ``python -m bench.plugins.NAME``."""
