"""``waggle-live-top``: the plugins of some nodes and their series, in a terminal.

Needs rich, the extra ``top``; nothing else of the package imports this.
"""
