"""The sampler of this process."""

from typing import Any, Dict, List, Optional, Tuple

from ..reporter.profiler import Profiler
from ..series.state import SeriesState


class Sampler(Profiler):
    """Samples the stacks of all threads, in a thread of its own."""

    def __reduce__(self) -> str:
        return "SAMPLER"

    def set_rate(self, owner: Any, hz: int) -> Optional[str]:
        """See :class:`Profiler`."""
        return "the sampler is not built yet"

    def states(self, owner: Any) -> List[SeriesState]:
        """See :class:`Profiler`."""
        return []

    def collect(self, owner: Any, on: bool) -> None:
        """See :class:`Profiler`."""

    def stacks(self, owner: Any) -> Dict[str, Tuple[int, Optional[int]]]:
        """See :class:`Profiler`."""
        return {}


#: The sampler of this process.
SAMPLER = Sampler()
