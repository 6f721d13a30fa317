"""The demonstration: a collector, two plugins on a real video, and what they say, live.

``make demo`` runs it. Nothing here is installed with the packages.
"""
