"""The directory that ``waggle-live run`` puts on ``PYTHONPATH``; nothing else may stand here."""
