"""Live performance metrics of Waggle plugins.

>>> from waggle_live import Plugin                       # doctest: +SKIP
>>> with Plugin() as plugin:                             # doctest: +SKIP
...     with plugin.live.timer("inference"):
...         detect(frame)
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from .version import VERSION as __version__
from .wire.errors import InvalidAddress, InvalidMetric, InvalidType, LiveMetricsError
from .wire.protocol import COUNTER, GAUGE, RATE, TIMER

if TYPE_CHECKING:
    from .live import LiveMetrics
    from .plugin import Plugin

__all__ = [
    "COUNTER",
    "GAUGE",
    "RATE",
    "TIMER",
    "InvalidAddress",
    "InvalidMetric",
    "InvalidType",
    "LiveMetrics",
    "LiveMetricsError",
    "Plugin",
    "__version__",
]


# Lazily, since the collector imports the wire from here and must not load pywaggle, whose AMQP
# client alone takes 15 MiB. Type checkers don't see it: a name that isn't here is an error to them.
if not TYPE_CHECKING:

    def __getattr__(name):
        module = {"Plugin": ".plugin", "LiveMetrics": ".live"}.get(name)
        if module is not None:
            return getattr(import_module(module, __name__), name)
        raise AttributeError("module %r has no attribute %r" % (__name__, name))

    if sys.version_info < (3, 7):  # there a module has no __getattr__, but its class may have one

        class _Lazy(type(sys)):
            def __getattr__(self, name):
                return __getattr__(name)

        sys.modules[__name__].__class__ = _Lazy
