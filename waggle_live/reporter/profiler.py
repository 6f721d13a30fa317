"""The interface that a reporter needs of a profiler, which stands above this package."""

import weakref
from typing import Any, Dict, List, Mapping, Optional

from ..logs import LogOnce
from ..series.state import SeriesState
from ..wire.errors import InvalidMetric, InvalidType, LiveMetricsError, describe
from ..wire.knobs import MAX_PROFILE_HZ
from ..wire.stacks import Times

#: Samples per second if no number is given.
DEFAULT_RATE = 50
ENVIRONMENT_VARIABLE = "WAGGLE_LIVE_PROFILE"


class Profiler:
    """Measures where this process's time goes, for one ``owner`` (a reporter) at a time.

    One per process. Thread-safe; no method raises. Unpickled in another process, it is that
    process's profiler.
    """

    def set_rate(self, owner: Any, hz: int) -> Optional[str]:
        """Sample all stacks ``hz`` times a second (1 to 200) from now on; 0 ends it.

        Returns why that is impossible, else None. An end waits, at most 0.2 s, until the last
        samples are in the owner's states. The first sample calls ``owner.start()``. A forked child
        measures nothing until it calls this.
        """
        raise NotImplementedError

    def states(self, owner: Any) -> List[SeriesState]:
        """Return the states of functions that ``owner`` sends. They stay after an end."""
        raise NotImplementedError

    def collect(self, owner: Any, on: bool) -> None:
        """Begin to collect folded stacks anew, or end that and forget them."""
        raise NotImplementedError

    def stacks(self, owner: Any) -> Dict[str, Times]:
        """Return the folded stacks since the collection began: ``{"root;caller;callee": times}``.

        Times are running totals in nanoseconds: wall clock, and CPU (None if unknown). Past 1,000
        stacks or 256 KiB of their text, the rest is added up in ``__other__``.
        """
        raise NotImplementedError


class Profile:
    """What a reporter, the ``owner``, was told to sample in each of its sessions.

    Told by the author or the environment. What a lease asks for doesn't count here and goes to the
    ``profiler`` itself. Neither blocks long.
    """

    def __init__(self, profiler: Profiler, owner: Any) -> None:
        self.profiler = profiler
        #: Samples per second, 0 for none; None until it is told.
        self.rate: Optional[int] = None
        self._owner = weakref.ref(owner)
        self._has_begun = False
        self._log_once = LogOnce()

    def tell(self, given: Any, environ: Mapping[str, str]) -> None:
        """Sample ``given`` times a second from now on; None means as the environment says.

        A given rate lasts until another is given. Raises InvalidType and InvalidMetric for what is
        no rate. A wrong one in the environment is logged once and counts as 0.
        """
        if given is not None:
            self.rate = check_rate(given)
        elif self.rate is None:
            self.rate = 0
            text = environ.get(ENVIRONMENT_VARIABLE)
            if text:
                try:
                    self.rate = parse_rate(text)
                except LiveMetricsError as error:
                    self._log_once("variable", "%s: %s", ENVIRONMENT_VARIABLE, error)
        if self._has_begun:
            self.begin()

    def begin(self) -> None:
        """Sample as told from now on. What prevents it is logged once."""
        self._has_begun = True
        why = self.profiler.set_rate(self._owner(), self.rate or 0)
        if why is not None:
            self._log_once("profile", "the profiler doesn't run: %s", why)

    def end(self) -> None:
        """Stop sampling."""
        self._has_begun = False
        self.profiler.set_rate(self._owner(), 0)

    def states(self) -> List[SeriesState]:
        """Return the states of the functions that were sampled."""
        return self.profiler.states(self._owner())


def check_rate(rate: Any) -> int:
    """Return ``rate``. Raises InvalidType or InvalidMetric, with the rule, if it is none."""
    if isinstance(rate, bool) or not isinstance(rate, int):
        raise InvalidType(
            "profile must be a whole number of samples a second, like %d, got %s"
            % (DEFAULT_RATE, describe(rate))
        )
    if not 0 <= rate <= MAX_PROFILE_HZ:
        raise InvalidMetric(
            "profile must be 0 (off) to %d samples a second, got %s"
            % (MAX_PROFILE_HZ, describe(rate))
        )
    return rate


def parse_rate(text: str) -> int:
    """Return the rate in a text. Raises InvalidMetric if there is none."""
    try:
        rate = int(text)
    except ValueError:
        raise InvalidMetric(
            "profile must be a whole number of samples a second, like %d, got %.60r"
            % (DEFAULT_RATE, text)
        ) from None
    return check_rate(rate)
