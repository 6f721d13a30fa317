"""Knobs: values that somebody else may set for a while."""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Tuple, TypeVar

from ..control.knob import KnobState

#: The type of a knob's values.
T = TypeVar("T", bool, int, float, str)


class Knob(KnobState, Generic[T]):
    """A value of the author's program that a controller may set within declared bounds.

    Safe for threads; nothing here blocks. Without a collector or a controller, and once the lease
    of whoever set it has ended, the value is the default. A copy is the same knob; pickled, it is
    that of the process that unpickles it, and a forked child starts at the default.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def value(self) -> T:
            """The value to use now. It changes in the middle of anything; keep it in a variable
            where one piece of work must use one value."""

    else:  # in C: a function of ours would take twice as long
        value = property(attrgetter("current"), doc="The value to use now.")

    @property
    def name(self) -> str:
        """What it was declared as."""
        return self.declaration.name

    def changed(self) -> bool:
        """Tell whether the value differs from what it was when this thread asked last.

        True at first, so ``if model.changed(): net = load(model.value)`` loads the first one, too.
        """
        self.owner.begin()  # in a forked child nothing else may have begun its session
        return self.has_changed()

    def __reduce__(self) -> Tuple[Any, ...]:
        return _found, (self.owner, self.declaration)

    def __repr__(self) -> str:
        return "Knob(%r, value=%r, source=%r)" % (self.name, self.current, self.source)


def _found(owner: Any, declaration: Any) -> Any:
    return owner.get(declaration)
