"""``waggle-live top``: the plugins of some nodes and their instruments, in a terminal.

Needs rich, the extra ``top``. Nothing else of this project imports it.
"""
