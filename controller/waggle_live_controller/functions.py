"""Where a plugin's time goes, as the sampler or TAU measured it."""

from typing import NamedTuple, Optional

from .hints import names_its_fields

#: The name for the sum of all functions without a series of their own.
OTHER_FUNCTIONS = "__other__"


@names_its_fields
class Function(NamedTuple):
    """One function, over all runs and threads of the plugin.

    Times are in seconds. None means unknown.
    """

    #: With its file and line, if they are known. ``__other__`` is no function, but the sum of all
    #: functions without a series of their own.
    name: str
    #: What measured it: ``sampler`` or ``tau``.
    profiler: str
    #: The number of calls; None from the sampler, which can't count them.
    calls: Optional[int]
    #: Wall clock, waits included: in the function, without the functions that it called.
    exclusive: Optional[float]
    #: In the function and in the functions that it called.
    inclusive: Optional[float]
    #: CPU time in the function, without the functions that it called.
    exclusive_cpu: Optional[float]
    #: Whether TAU has stopped measuring its calls. Their time then counts for their callers. None
    #: from older collectors.
    throttled: Optional[bool]
    #: Its part, 0 to 1, of the exclusive time of all functions of that profiler, ``__other__``
    #: included. None if unknown, without any time, and from older collectors.
    share: Optional[float]
    #: The time of that share: ``cpu``, or ``wall`` if no CPU time is known. None from older
    #: collectors.
    share_of: Optional[str]

    @property
    def is_other(self) -> bool:
        """Whether it is ``__other__``, the sum of many, and no function."""
        return self.name == OTHER_FUNCTIONS


@names_its_fields
class Tau(NamedTuple):
    """The state of a plugin's profiles by TAU."""

    #: Unix time, by the collector's clock, of TAU's newest profile, which all functions are from.
    last_dump: Optional[float]
    #: The number of functions added up in ``__other__``, each once per run.
    dropped: int
    #: The number of profiles that were incomplete when they were read.
    torn: int
