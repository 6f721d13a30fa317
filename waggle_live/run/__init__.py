"""Live metrics for unmodified plugins: ``waggle-live run``.

``start/`` is what it puts on ``PYTHONPATH``: Python imports the ``sitecustomize`` there at its
start, in the plugin's process and in every Python that it starts, so that the plugin itself runs
exactly as it would alone.
"""
