"""Live performance metrics of Waggle plugins.

>>> from waggle_live import Plugin                       # doctest: +SKIP
>>> with Plugin() as plugin:                             # doctest: +SKIP
...     with plugin.live.timer("inference"):
...         detect(frame)
"""

import sys

from .version import VERSION as __version__

TYPE_CHECKING = False  # typing's own takes a millisecond to load
if TYPE_CHECKING:
    from .control.knob import Knob
    from .live import LiveMetrics
    from .plugin import Plugin
    from .wire.errors import InvalidAddress, InvalidMetric, InvalidType, LiveMetricsError
    from .wire.protocol import COUNTER, GAUGE, RATE, TIMER

__all__ = [
    "COUNTER",
    "GAUGE",
    "RATE",
    "TIMER",
    "InvalidAddress",
    "InvalidMetric",
    "InvalidType",
    "Knob",
    "LiveMetrics",
    "LiveMetricsError",
    "Plugin",
    "__version__",
]


# Lazy for two readers. The collector imports the wire from here and must not load pywaggle, whose
# AMQP client alone takes 15 MiB. Under ``run`` each Python that a plugin starts loads this package.
# Type checkers must not see ``__getattr__``: they would accept a name that doesn't exist.
if not TYPE_CHECKING:
    _MODULES = {"Plugin": ".plugin", "LiveMetrics": ".live", "Knob": ".control.knob"}
    _MODULES.update(dict.fromkeys(("COUNTER", "GAUGE", "RATE", "TIMER"), ".wire.protocol"))
    _ERRORS = ("InvalidAddress", "InvalidMetric", "InvalidType", "LiveMetricsError")
    _MODULES.update(dict.fromkeys(_ERRORS, ".wire.errors"))

    def __getattr__(name):
        if name in _MODULES:
            from importlib import import_module

            return getattr(import_module(_MODULES[name], __name__), name)
        raise AttributeError("module %r has no attribute %r" % (__name__, name))

    if sys.version_info < (3, 7):  # there a module has no __getattr__, but its class may have one

        class _Lazy(type(sys)):
            def __getattr__(self, name):
                return __getattr__(name)

        sys.modules[__name__].__class__ = _Lazy
