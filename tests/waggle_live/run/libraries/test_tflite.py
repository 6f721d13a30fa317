"""``waggle-live run`` and TensorFlow Lite, whose runtime is called LiteRT today."""

from pathlib import Path

import pytest

from ..running import need, run_model

pytestmark = pytest.mark.models

MODEL = Path(__file__).parent / "data" / "negate.tflite"

HEAD = """
import sys
import numpy as np
from waggle.plugin import Plugin

path = sys.argv[1]
one = np.ones(1, np.float32)
"""


@pytest.fixture
def play(listener, tmp_path):
    """Run a script that begins with HEAD; return how many runs of a model were measured."""
    need("ai_edge_litert")

    def to_its_end(text):
        run_model(listener, tmp_path, HEAD + text, str(MODEL))
        return lambda model, field="count": listener.total(
            "timer", "model.call", field, model=model, library="tflite"
        )

    return to_its_end


def test_interpreter(play):
    """Each run is measured by the name of its file, a signature's too; failures are counted."""
    runs = play("""
from ai_edge_litert.interpreter import Interpreter
with Plugin() as plugin:
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    for _ in range(3):
        interpreter.set_tensor(0, one)
        interpreter.invoke()
        assert interpreter.get_tensor(1) == [-1]
    assert interpreter.get_signature_runner()(x=one)["y"] == [-1]
    with open(path, "rb") as file:
        unready = Interpreter(model_content=file.read())
    try:
        unready.invoke()
    except RuntimeError as error:
        assert "not ready" in str(error)
    else:
        raise AssertionError
    assert Interpreter(model_path=path).get_signature_runner()(x=one)["y"] == [-1]
""")
    assert runs("negate") == 5
    assert (runs("Interpreter"), runs("Interpreter", "failures")) == (1, 1)


def test_compiled_model(play):
    """So are the runs of the newer interface."""
    runs = play("""
from ai_edge_litert.compiled_model import CompiledModel
with Plugin() as plugin:
    model = CompiledModel.from_file(path)
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    inputs[0].write(one)
    model.run_by_index(0, inputs, outputs)
    model.run_by_name("serving_default", {"x": inputs[0]}, {"y": outputs[0]})
    assert outputs[0].read(1, np.float32) == [-1]
""")
    assert runs("CompiledModel") == 2
