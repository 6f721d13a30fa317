"""The collector of Waggle Live: plugins report to its socket, Prometheus reads its port 9090.

The way of a sample through these modules, each named by its noun::

    listener -> protocol -> messages -> process -> series (in a plugin, in the table)
                                                          |
                       state_file <- table -> exposition -> web

Everything but gzip runs in one asyncio event loop, so nothing here takes a lock.
"""

import os

from .version import VERSION

# Our own metrics are one process's: prometheus_client would keep them in files there.
for _name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
    os.environ.pop(_name, None)

__all__ = ["VERSION"]
