"""``python -m bench.check``: fails if something has become dearer. Ratios only, on any machine.

``calls`` holds what an instrument costs the plugin; ``costs`` what a scrape, a cell and a series
cost the collector.
"""
