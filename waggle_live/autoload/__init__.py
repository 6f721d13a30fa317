"""Live metrics for unmodified plugins: what ``waggle-live run`` puts on ``PYTHONPATH``.

Python imports the ``sitecustomize`` of this directory at its start, in the plugin's process and
in every Python that it starts, so that the plugin itself runs exactly as it would alone.
"""
