"""``waggle-live-top``: shows the plugins of one or more nodes, and their series, in a terminal.

Needs rich, from the extra ``top``. Nothing else in the package imports this.
"""
