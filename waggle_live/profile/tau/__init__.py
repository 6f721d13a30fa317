"""TAU's profiles, live: which functions the time of a plugin goes to.

TAU (the Tuning and Analysis Utilities) measures the functions of a program and writes profiles.
``profile`` reads one file, ``directory`` all that a program writes. ``functions`` chooses those
that are shown, ``forwarder`` carries them to the collector. ``start`` makes TAU write while the
program runs, and ``commands`` joins these parts. ``docs/guides/tau.md`` is the guide.
"""
