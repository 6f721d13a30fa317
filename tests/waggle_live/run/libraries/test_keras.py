"""``waggle-live run`` and Keras, on PyTorch."""

import pytest

from ..running import need, run_model

pytestmark = pytest.mark.models

SCRIPT = """
import copy
import keras
import numpy as np
from waggle.plugin import Plugin

class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.Sequential([keras.layers.Dense(3)])

    def call(self, x):
        return self.inner(x)

x = np.ones((2, 4), np.float32)
assert keras.backend.backend() == "torch"
with Plugin() as plugin:
    mine = Mine()
    assert mine(x).shape == mine.predict(x, verbose=0).shape == (2, 3)
    assert mine.predict_on_batch(x).shape == (2, 3)
    try:
        mine(np.ones((2, 7), np.float32))
    except ValueError:
        pass
    else:
        raise AssertionError

    inputs = keras.Input((4,))
    for _ in range(2):
        keras.Model(inputs, keras.layers.Dense(2)(inputs))(x)
    named = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="resnet50")
    named.save("model.keras")
    for each in (named, keras.models.load_model("model.keras"), keras.models.clone_model(named)):
        each.predict(x, verbose=0)
    keras.layers.Dense(2)(x)
"""


def test_models(listener, tmp_path, monkeypatch):
    """Calls and predictions of a model are one each, by its class or, without one, its name."""
    need("torch")
    need("keras")
    monkeypatch.chdir(tmp_path)
    run_model(listener, tmp_path, SCRIPT)
    found = {
        dict(key[2])["model"]: (cell["count"], cell["failures"])
        for (_, key), cell in listener.state().items()
        if key[1] == "model.call"
    }
    assert found == {"Mine": (4, 1), "functional": (2, 0), "resnet50": (3, 0)}
