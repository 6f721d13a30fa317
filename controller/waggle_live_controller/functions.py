"""Where a plugin's time goes, as TAU measured it (docs/tau.md)."""

from typing import NamedTuple, Optional

#: The name under which a plugin's functions without a place of their own are added up.
OTHER_FUNCTIONS = "__other__"


class Function(NamedTuple):
    """One function, over all runs of the plugin and all of their threads. Times are in seconds, and
    None where TAU doesn't measure them."""

    #: With the file and line where TAU knows them. ``__other__`` is no function: it holds the sums
    #: of all that have no place of their own.
    name: str
    calls: int
    #: In the function without what it called.
    exclusive: Optional[float]
    #: In it and in what it called.
    inclusive: Optional[float]
    #: The same of the CPU's time.
    exclusive_cpu: Optional[float]
    inclusive_cpu: Optional[float]

    @property
    def is_other(self) -> bool:
        """Is it ``__other__``, the sums of many, rather than a function?"""
        return self.name == OTHER_FUNCTIONS


class Tau(NamedTuple):
    """What is known of a plugin's runs under TAU."""

    #: Unix time, by the collector's clock, of TAU's newest profile: all functions are from then.
    last_dump: Optional[float]
    #: Functions that were added up in ``__other__``, each once a run.
    dropped: int
    #: Profiles that were not whole when they were read.
    torn: int
