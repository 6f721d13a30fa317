"""The sampler: a thread of the plugin's process that looks at the stacks of all others.

``sampler`` turns it on and off, ``sampling_thread`` runs, ``samples`` takes one sample after the
other, by the ``clocks`` of the threads, and ``functions`` and ``stacks`` keep what was found.
"""
