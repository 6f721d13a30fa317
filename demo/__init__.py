"""The demonstration: a collector, two plugins on a real video, and a live table of what they say.

``make demo`` runs it. Standard library only; nothing here is installed with the packages.
"""
