"""The sampler: a thread of the plugin's process that looks at the stacks of all others.

``sampler`` turns it on and off, ``sampling_thread`` runs it, and ``samples`` takes the samples, by
the ``clocks`` of the threads. ``functions`` and ``stacks`` keep the results.
"""
