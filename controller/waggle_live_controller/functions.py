"""Where a plugin's time goes, as the sampler or TAU measured it."""

from typing import NamedTuple, Optional

from .hints import names_its_fields

#: The name under which the collector adds up the functions that it keeps no series of.
OTHER_FUNCTIONS = "__other__"


@names_its_fields
class Function(NamedTuple):
    """One function, over all runs and threads of the plugin.

    Times are in seconds, and None where they aren't known.
    """

    #: With its file and line where they are known. ``__other__`` is no function, but the sum of all
    #: functions without a series of their own.
    name: str
    #: What measured it: ``sampler`` or ``tau``.
    profiler: str
    #: None from the sampler, which sees none.
    calls: Optional[int]
    #: By the clock, waiting included: in the function, without what it called.
    exclusive: Optional[float]
    #: In the function and in what it called.
    inclusive: Optional[float]
    #: CPU time in the function, without what it called: its work.
    exclusive_cpu: Optional[float]
    #: TAU measures no more calls of it, so that their time counts for their callers. None from
    #: older collectors.
    throttled: Optional[bool]
    #: Its part, 0 to 1, of the exclusive time of all functions of that profiler, ``__other__``
    #: included. None if it isn't known, or none took any, and from older collectors.
    share: Optional[float]
    #: Which time: ``cpu``, or ``wall`` where no CPU time is known. None from older collectors.
    share_of: Optional[str]

    @property
    def is_other(self) -> bool:
        """Is it ``__other__``, the sum of many, rather than a function?"""
        return self.name == OTHER_FUNCTIONS


@names_its_fields
class Tau(NamedTuple):
    """The state of a plugin's profiles by TAU."""

    #: Unix time, by the collector's clock, of TAU's newest profile: all functions are from then.
    last_dump: Optional[float]
    #: Functions that were added up in ``__other__``, each once a run.
    dropped: int
    #: Profiles that were incomplete when they were read.
    torn: int
