"""The calls of models: the outermost one alone is measured, whichever library it is of."""

import os
import threading

import pytest

from waggle_live.run.libraries import automatic, models

from ...helpers import cells


class Model:
    """Stands for a class of a library, and calls what it is made of."""

    def __init__(self, *inner, error=None):
        self.inner = inner
        self.error = error

    def __call__(self, value, plus=0):
        """Return the value and what the inner models add to it."""
        if self.error is not None:
            raise self.error
        for model in self.inner:
            value = model(value)
        return value + plus


class Other(Model):
    """A class of the author's."""


PLAIN = Model.__call__


@pytest.fixture(autouse=True)
def replaced(monkeypatch):
    """Model's call is measured, as a library's would be."""
    module = type(os)("library")
    module.Model = Model
    monkeypatch.setattr(Model, "__call__", PLAIN)  # put back at the end
    automatic.replace(module, "Model", ["__call__"], models.call("library", lambda model: None))


@pytest.fixture
def live(connect):
    """The plugin that has a session, so it is the latest."""
    return connect()


def calls(live, model, field="count"):
    """Return a figure of the calls of a model that were recorded."""
    key = ("timer", "model.call", (("library", "library"), ("model", model)))
    return cells(live).get(key, {}).get(field, 0)


def test_the_outermost_call(live):
    """A model that is made of models is one call, under the name of its own class."""
    model = Other(Model(), Model(Model()))
    assert [model(1), model(1, plus=2)] == [1, 3]
    assert (calls(live, "Other"), calls(live, "Model")) == (2, 0)
    Model()(1)
    assert (calls(live, "Other"), calls(live, "Model")) == (2, 1)


def test_what_wraps_a_call_keeps_its_looks():
    """Name, docstring and signature are the original's, and so is the class."""
    assert Model.__call__.__doc__ == PLAIN.__doc__
    assert Model.__call__.__wrapped__ is PLAIN


def test_a_call_that_raises(live):
    """It is a failure, the exception is the very same, and the next call is measured again."""
    error = KeyError("mine")
    model = Other(Model(error=error))
    for count in (1, 2):
        with pytest.raises(KeyError) as caught:
            model(1)
        assert caught.value is error
        assert calls(live, "Other") == calls(live, "Other", "failures") == count
    assert calls(live, "Model") == 0


def test_threads(live):
    """Each thread has an outermost call of its own."""
    inner = threading.Thread(target=Model(), args=(1,))

    class Starting(Model):
        def __call__(self, value):
            inner.start()
            inner.join()
            return super().__call__(value)

    Starting()(1)
    assert (calls(live, "Starting"), calls(live, "Model")) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="came with Python 3.7")
def test_a_fork_within_a_call(play_forking, listener):
    """In the child the next call is an outermost one; the parent's own call is the parent's."""
    play_forking("""
        from waggle_live.run.libraries import models

        class Model:
            def run(self, function):
                return function()

        Model.run = models.call("library", lambda model: None)(Model.run)
        wait(Model().run(lambda: in_child(lambda: Model().run(int))))
        live.close("ok", 5)
    """)
    assert listener.total("timer", "model.call", library="library", model="Model") == 2
    assert sorted(bye["status"] for bye in listener.messages("bye")) == ["ok", "ok"]


def test_a_name_that_can_not_be_told(live, caplog):
    """A model whose name can't be asked for goes by its class, which is said once."""

    class Odd:
        def run(self):
            return 7

    run = models.call("library", lambda model: model.missing)(Odd.run)
    assert [run(Odd()), run(Odd())] == [7, 7]
    assert calls(live, "Odd") == 2
    assert caplog.text.count("a library model goes by its class: AttributeError") == 1


def test_without_a_plugin():
    """Where there is no plugin a model is called as ever."""
    assert Model(Model())(1) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [("/models/yolov8n.onnx", "yolov8n"), ("a.b.tflite", "a.b"), ("", ""), (None, ""), (b"x", "")],
)
def test_the_name_of_a_file(path, name):
    """A model's file tells its name without folder and suffix."""
    assert models.stem(path) == name
