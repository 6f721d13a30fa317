"""Where a plugin's time goes, as TAU measured it (docs/tau.md)."""

from typing import NamedTuple, Optional

#: The name under which the collector adds up the functions that it keeps no series of.
OTHER_FUNCTIONS = "__other__"


class Function(NamedTuple):
    """One function, over all runs and threads of the plugin.

    Times are in seconds, and None where TAU doesn't measure them.
    """

    #: With its file and line where TAU knows them. ``__other__`` is no function, but the sum of all
    #: functions without a series of their own.
    name: str
    calls: int
    #: In the function, without what it called.
    exclusive: Optional[float]
    #: In the function and in what it called.
    inclusive: Optional[float]
    #: The same in CPU time.
    exclusive_cpu: Optional[float]
    inclusive_cpu: Optional[float]

    @property
    def is_other(self) -> bool:
        """Is it ``__other__``, the sum of many, rather than a function?"""
        return self.name == OTHER_FUNCTIONS


class Tau(NamedTuple):
    """The state of a plugin's profiles by TAU."""

    #: Unix time, by the collector's clock, of TAU's newest profile: all functions are from then.
    last_dump: Optional[float]
    #: Functions that were added up in ``__other__``, each once a run.
    dropped: int
    #: Profiles that were incomplete when they were read.
    torn: int
