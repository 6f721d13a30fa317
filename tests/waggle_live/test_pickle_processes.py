"""What is pickled on its way to another process: arguments, functions by name and by value."""

import importlib.util
import os

import pytest

from .helpers import environment, run_python, write_script


def totals(listener):
    found = {}
    for (_, key), state in listener.state().items():
        found[key[1]] = found.get(key[1], 0) + state.get("count", state.get("value"))
    return found


def rates_of_blocks(listener):
    found = listener.state().items()
    return {key[1] for (_, key), state in found if key[0] == "rate" and "sum" in state}


PROGRAM = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from waggle_live import LiveMetrics

    live = LiveMetrics(plugin_name={name!r}, interval=0.1)

    def synchronize():
        pass

    @live.timer("function")
    def function(number):
        return number

    class Detector:
        def __init__(self):
            self.live = live
            self.timer = live.timer("held", model="a")

        @live.rate("method")
        def method(self, number):
            with self.timer:
                self.live.counter("counted").inc(number)
            return number

        @classmethod
        @live.timer("of_class", sync=synchronize)
        def of_class(cls, number):
            return number

    def child(live, timer, rate, gauge, counter, device, knob):
        assert knob.value == 3 and knob is live.knob("k", 3, low=0, high=9)
        with live.timer("by_live"), timer, device:
            rate.tick()
            gauge.inc(3)
            counter.inc(2)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        process = context.Process(
            target=child,
            args=(
                live,
                live.timer("t", model="a"),
                live.rate("r"),
                live.gauge("g"),
                live.counter("c"),
                live.timer("d", sync=synchronize),
                live.knob("k", 3, low=0, high=9),
            ),
        )
        process.start()
        process.join()
        assert process.exitcode == 0
        with context.Pool(2) as pool:
            for work in (function, Detector().method, Detector.of_class):
                assert pool.map(work, range(10)) == list(range(10))
            pool.close()
            pool.join()
"""


@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_in_processes_of_multiprocessing(listener, tmp_path, how):
    """Arguments and decorated functions count in the child, exactly, under the parent's name."""
    script = write_script(tmp_path, PROGRAM.format(name="mine"))
    env = environment("unix://" + listener.path)
    assert run_python(script, how, env=env, timeout=60) == (0, "", "")
    expected = dict.fromkeys(["by_live", "t", "d", "r"], 1)
    expected.update(dict.fromkeys(["function", "held", "method", "of_class"], 10))
    expected.update(g=3, c=2, counted=45)
    assert totals(listener) == expected
    assert {hello["plugin"] for hello in listener.messages("hello")} == {"mine"}
    assert rates_of_blocks(listener) == {"method"}


BY_VALUE = """
    import asyncio, joblib
    from waggle_live import LiveMetrics

    live = LiveMetrics(interval=0.1)

    def synchronize():
        pass

    @live.timer("function")
    def function(number):
        with live.timer("within"):
            return number

    @live.rate("rate")
    def rated(number):
        return number

    @live.timer("device", sync=synchronize)
    def on_device(number):
        return number

    @live.timer("generator")
    def generator(number):
        yield number

    @live.timer("device_generator", sync=synchronize)
    def device_generator(number):
        yield number

    @live.timer("coroutine")
    async def coroutine(number):
        return number

    def of(function):
        return lambda number: next(function(number))

    def wait(make):
        return lambda number: asyncio.new_event_loop().run_until_complete(make(number))

    if __name__ == "__main__":
        works = [function, rated, on_device, of(generator), of(device_generator), wait(coroutine)]
        parallel = joblib.Parallel(n_jobs=2)
        for work in works:
            assert parallel(joblib.delayed(work)(i) for i in range(10)) == list(range(10))
"""


def test_by_value(listener, tmp_path):
    """joblib sends functions of the main script by value, with what their wrappers hold."""
    if importlib.util.find_spec("joblib") is None:
        assert not os.environ.get("CI"), "joblib is missing"
        pytest.skip("joblib is missing")
    script = write_script(tmp_path, BY_VALUE)
    status, _, err = run_python(script, env=environment("unix://" + listener.path), timeout=90)
    assert status == 0, err
    assert rates_of_blocks(listener) == {"rate"}
    names = "function within rate device generator device_generator coroutine"
    assert totals(listener) == dict.fromkeys(names.split(), 10)
