"""The last ten minutes of each series, for the curves of the page."""
