"""Keras, by itself or as a part of TensorFlow: calls of a model, and its predictions."""

import re
from contextlib import suppress
from typing import Any

from . import automatic, models

#: Keras' own classes. Their models have names, which Keras numbers if the author gives none.
_GENERAL = ("Functional", "Model", "Sequential")
_NUMBER = re.compile(r"_\d+\Z")


def patch(module: Any) -> None:
    """Measure all models, but no layers by themselves."""
    if module.__name__.endswith(".torch.layer"):
        # There a layer is also a PyTorch module, which is measured as such.
        with suppress(AttributeError):
            module.TorchLayer.__call__ = module.TorchLayer.__call__.__wrapped__
        return
    methods = ["__call__", "predict", "predict_on_batch"]
    automatic.replace(module, "Model", methods, models.call("keras", _name))


def _name(model: Any) -> Any:
    name = type(model).__name__
    return _NUMBER.sub("", model.name) if name in _GENERAL else name
