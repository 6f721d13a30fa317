"""Live metrics for unmodified plugins: ``waggle-live run``.

It puts ``start/`` on ``PYTHONPATH``. Python imports the ``sitecustomize`` there at its start, in
the plugin's process and in every Python that it starts. So the plugin itself runs exactly as it
would alone.
"""
