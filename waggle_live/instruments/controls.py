"""The calls of ``LiveMetrics`` that let a controller set something: ``knob`` and ``pace``."""

from typing import TYPE_CHECKING, Callable, Iterable, Iterator, Optional, Sequence

from ..control.knob import Knob, T
from ..control.knobs import Knobs
from ..wire.knobs import declare
from .pace import DEFAULT_HIGH, DEFAULT_LOW, Limit, Paced, declare_limit
from .rate import Item, Rate

if TYPE_CHECKING:
    from typing import Literal  # newer than Python 3.6

    Better = Literal["higher", "lower"]


class Controls:
    """What LiveMetrics inherits. Thread-safe."""

    _knobs: Knobs
    rate: Callable[..., Rate]

    def knob(
        self,
        name: str,
        default: T,
        *,
        choices: Optional[Sequence[T]] = None,
        low: Optional[T] = None,
        high: Optional[T] = None,
        better: "Optional[Better]" = None,
        cost: Optional[Sequence[float]] = None,
        settle: float = 0.0,
    ) -> Knob[T]:
        """Return a knob: ``knob.value`` is ``default``, or what a controller has set for a while.

        Either ``choices``, at most 16, the cheapest first, with ``cost`` (relative numbers, one a
        choice), or ``low`` and ``high``, with ``better`` ("higher" or "lower"). ``settle``: seconds
        until a new value shows in what is measured. The type is that of the default, a bool, int,
        float or str of at most 64 characters; ints among floats are floats. The same call again
        returns the same knob. At most 32 a process. Raises InvalidMetric or InvalidType.
        """
        declared = declare(
            name,
            default,
            choices=choices,
            low=low,
            high=high,
            better=better,
            cost=cost,
            settle=settle,
        )
        knob: Knob[T] = self._knobs.get(declared)
        return knob

    def pace(
        self, name: str, items: Iterable[Item], low: float = DEFAULT_LOW, high: float = DEFAULT_HIGH
    ) -> Iterator[Item]:
        """Yield from ``items`` as ``rate(name).each(items)``, and no faster than the knob ``name``.

        The knob is a limit in items a second, between ``low`` and ``high``; at ``high``, its
        default, there is none. Where it is set lower, each item is waited for before it is taken.
        Raises InvalidMetric or InvalidType for a bad name, bounds or items.
        """
        rate = self.rate(name)
        iterator = rate.iterator("pace", items)
        return Paced(rate, iterator, Limit(self._knobs.get(declare_limit(name, low, high))))
