"""``knob`` and ``pace`` of ``LiveMetrics``: what a controller may set."""

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
    """The base of LiveMetrics with ``knob`` and ``pace``. Thread-safe."""

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

        Give ``choices``, 1 to 16 values with the cheapest first, and optionally ``cost``: one
        relative number per choice. Or give ``low`` and ``high``. ``better``: "higher" or "lower".
        ``settle``: seconds until a new value shows in what is measured.

        The type is that of the default: bool, int, float, or str of at most 64 characters. If some
        numbers are floats, all are. The same call again returns the same knob. A process has at
        most 32.

        Raises InvalidMetric for a declaration that breaks a rule, differs from an earlier one of
        the same name, or is one too many. Raises InvalidType for an argument of a wrong type.
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
        """Yield from ``items`` as ``rate(name).each(items)``, but no faster than the knob ``name``.

        The knob is a limit in items per second, between ``low`` and ``high``. Its default,
        ``high``, means no limit. Under a limit the next item is taken only once its time has come.
        Raises InvalidMetric or InvalidType for a bad name, bounds or items.
        """
        rate = self.rate(name)
        iterator = rate.iterator("pace", items)
        return Paced(rate, iterator, Limit(self._knobs.get(declare_limit(name, low, high))))
