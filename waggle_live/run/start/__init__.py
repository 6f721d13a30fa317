"""The directory that ``waggle-live run`` puts on ``PYTHONPATH``. Nothing else may be put here."""
