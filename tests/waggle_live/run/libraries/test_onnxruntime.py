"""``waggle-live run`` and ONNX Runtime."""

from pathlib import Path

import pytest

from ..running import need, run_model

pytestmark = pytest.mark.models

MODEL = Path(__file__).parent / "data" / "negate.onnx"

HEAD = """
import sys, threading
import numpy as np
import onnxruntime
from waggle.plugin import Plugin

path = sys.argv[1]
feed = {"x": np.ones(1, np.float32)}
"""


@pytest.fixture
def play(listener, tmp_path):
    """Run a script that begins with HEAD; return how many runs of a model were measured."""
    need("onnxruntime")

    def to_its_end(text):
        run_model(listener, tmp_path, HEAD + text, str(MODEL))
        return lambda model, field="count": listener.total(
            "timer", "model.call", field, model=model, library="onnxruntime"
        )

    return to_its_end


def test_runs(play):
    """Each way to run a session is measured, by the name of its file; a failure counts as one."""
    runs = play("""
with Plugin() as plugin:
    session = onnxruntime.InferenceSession(path)
    assert session.run(None, feed)[0] == [-1]
    binding = session.io_binding()
    binding.bind_cpu_input("x", feed["x"])
    binding.bind_output("y")
    session.run_with_iobinding(binding)
    value = onnxruntime.OrtValue.ortvalue_from_numpy(feed["x"])
    assert session.run_with_ort_values(["y"], {"x": value})[0].numpy() == [-1]
    try:
        session.run(None, {"x": np.ones(2, np.float32)})
    except Exception as error:
        assert type(error).__name__ == "InvalidArgument", error
    else:
        raise AssertionError
""")
    assert (runs("negate"), runs("negate", "failures")) == (4, 1)


def test_run_async(play):
    """A run that calls back is measured until then, and the author's callback gets it all."""
    runs = play("""
with Plugin() as plugin:
    session = onnxruntime.InferenceSession(path)
    done, found = threading.Event(), []

    def callback(*results):
        found.extend(results)
        done.set()

    session.run_async(None, feed, callback, "mine")
    assert done.wait(60)
    (results, user_data, error) = found
    assert (results[0], user_data, error) == ([-1], "mine", "")
""")
    assert runs("negate") == 1


def test_a_model_without_a_file(play):
    """It goes by the name of its graph; so does one of an author's own subclass."""
    runs = play("""
class Session(onnxruntime.InferenceSession):
    pass

with Plugin() as plugin:
    for kind in (onnxruntime.InferenceSession, Session):
        with open(path, "rb") as file:
            assert kind(file.read()).run(None, feed)[0] == [-1]
""")
    assert runs("negate") == 2
