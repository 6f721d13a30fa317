"""Timers as decorators of functions, methods and generators."""

import inspect
import time

import pytest

from waggle_live.wire.errors import InvalidType

from ..helpers import MS, Stopwatch, cell


def figures(live):
    found = cell(live, "timer", "t")
    return found["count"], found["failures"]


def test_function(live):
    """A function keeps its result, arguments, name, doc and signature, and is measured."""
    watch = Stopwatch()

    @live.timer("t")
    def add(a, *rest, b=2, **more):
        """Add."""
        with watch.inside():
            time.sleep(0.01)
            return a + b

    with watch.outside():
        assert add(1) == 3
    with watch.outside():
        assert add(1, b=5) == 6
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert str(inspect.signature(add)) == "(a, *rest, b=2, **more)"
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 2
    assert found["sum"] >= 20 * MS


def test_function_that_raises(live):
    """The exception goes on unchanged, the call is timed and a failure."""
    error = ValueError("x")

    @live.timer("t")
    def fail():
        raise error

    with pytest.raises(ValueError, match="x") as caught:
        fail()
    assert caught.value is error
    assert error.__context__ is None
    assert figures(live) == (1, 1)


def test_recursive_function(live):
    """Each call of a recursion is one call."""

    @live.timer("t")
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(10) == 3628800
    assert figures(live) == (10, 0)


def test_methods(live):
    """Methods, static and class methods, decorated on either side, and callable objects."""

    class Detector:
        factor = 2

        @live.timer("t")
        def method(self, x):
            return x * self.factor

        @staticmethod
        @live.timer("t")
        def inner_static(x):
            return x

        @live.timer("t")
        @staticmethod
        def outer_static(x):
            return x

        @classmethod
        @live.timer("t")
        def inner_class(cls, x):
            return cls, x

        @live.timer("t")
        @classmethod
        def outer_class(cls, x):
            return cls, x

        @property
        @live.timer("t")
        def value(self):
            return self.factor

        def __call__(self, x):
            return x

    detector = Detector()
    assert detector.method(3) == 6
    assert detector.inner_static(3) == Detector.outer_static(3) == 3
    assert detector.inner_class(3) == Detector.outer_class(3) == (Detector, 3)
    assert detector.value == 2
    assert live.timer("t")(detector)(4) == 4
    assert live.timer("t")(detector.method)(4) == 8
    assert live.timer("t")(len)("abc") == 3
    assert figures(live) == (10, 0)


@pytest.mark.parametrize("thing", [3, None, "f", property(lambda self: 1)])
def test_what_is_no_function(live, thing):
    """Decorating what can't be called is an error at once."""
    with pytest.raises(InvalidType, match="decorates functions"):
        live.timer("t")(thing)


def echo(log):
    """Log all that happens to a generator; answers what is sent, survives ValueError."""
    value = None
    try:
        while True:
            try:
                value = yield ("item", value)
                log.append(("sent", value))
                if value == "return":
                    return "result"
                if value == "raise":
                    raise KeyError("inside")
            except ValueError as error:
                log.append(("caught", str(error)))
                value = "recovered"
    except GeneratorExit:
        log.append("closed")
        raise
    finally:
        log.append("finally")


def stubborn(log):
    """Yield again when closed."""
    while True:
        try:
            yield 1
        except GeneratorExit:
            log.append("ignored")
            yield 2
            return


def graceful(log):
    """Return a value when closed."""
    try:
        yield 1
    except GeneratorExit:
        log.append("graceful")
        return "value"


def delegating(log):
    """Hand on to another generator."""
    result = yield from echo(log)
    log.append(("result", result))
    yield result


def play(make, steps):
    """Run steps on a generator and return all that can be seen from outside."""
    log, seen = [], []
    generator = make(log)
    for name, arguments in steps:
        try:
            seen.append(getattr(generator, name)(*arguments))
        except BaseException as error:
            seen.append((type(error), str(error), getattr(error, "value", None)))
    for _ in range(2):  # the stubborn one has to be told twice
        try:
            generator.close()
        except RuntimeError as error:
            seen.append(str(error))
    return seen, log


NEXT, CLOSE = ("__next__", ()), ("close", ())
STEPS = [
    [NEXT],
    [NEXT, NEXT, NEXT],
    [CLOSE],
    [CLOSE, NEXT],
    [("send", (1,))],
    [("throw", (ValueError("early"),))],
    [NEXT, ("send", (1,)), ("send", ("return",)), NEXT],
    [NEXT, ("send", ("raise",)), NEXT],
    [NEXT, ("throw", (ValueError("x"),)), NEXT, CLOSE],
    [NEXT, ("throw", (TypeError("y"),)), NEXT],
    [NEXT, ("throw", (GeneratorExit(),)), NEXT],
    [NEXT, ("throw", (StopIteration("s"),)), NEXT],
    [NEXT, ("throw", (KeyboardInterrupt(),)), NEXT],
    [NEXT, CLOSE, CLOSE, NEXT],
    [NEXT, ("throw", (GeneratorExit(),)), CLOSE],
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("make", [echo, stubborn, graceful, delegating])
@pytest.mark.parametrize("steps", STEPS)
def test_generators_behave_as_undecorated(live, make, steps):
    """send, throw, close and return value: all that can be seen is as without us."""
    assert play(live.timer("t")(make), steps) == play(make, steps)


def test_generator_time_is_inside_its_resumes(live):
    """A generator is one call, whose time is spent inside its resumes, not in its consumer."""
    watch = Stopwatch()

    @live.timer("t")
    def frames():
        for i in range(3):
            with watch.inside():
                time.sleep(0.01)
            yield i

    generator = frames()
    for expected in (0, 1, 2, None):
        with watch.outside():
            assert next(generator, None) == expected
        time.sleep(0.02)
    found = cell(live, "timer", "t")
    assert found["count"] == 1
    assert found["sum"] >= 30 * MS
    watch.check_one(found["sum"])


def test_generator_endings(live):
    """Exhausted, closed, abandoned: one call and no failure. Raising: one failure."""

    @live.timer("t")
    def frames(fail=False):
        yield 1
        if fail:
            raise ValueError

    assert list(frames()) == [1]
    assert figures(live) == (1, 0)
    for _ in frames():
        break
    assert figures(live) == (2, 0)
    generator = frames()
    next(generator)
    generator.close()
    assert figures(live) == (3, 0)
    with pytest.raises(ValueError):
        list(frames(fail=True))
    assert figures(live) == (4, 1)
    assert inspect.isgeneratorfunction(frames)


def test_time_of_a_generators_cleaning_up_counts(live):
    """What a generator does when it is closed is its work."""
    watch = Stopwatch()

    @live.timer("t")
    def frames():
        try:
            yield 1
        finally:
            with watch.inside():
                time.sleep(0.02)

    with watch.outside():
        generator = frames()
        next(generator)
    time.sleep(0.02)
    with watch.outside():
        generator.close()
    watch.check_one(cell(live, "timer", "t")["sum"])
