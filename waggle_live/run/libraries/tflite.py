"""TensorFlow Lite and LiteRT: the runs of an interpreter, a signature or a compiled model."""

from typing import Any

from ...frames import leave_out_ours
from . import automatic, models

#: The model's file of each interpreter: the interpreter keeps it only in its C++ part.
_names = automatic.Notes()


def patch(module: Any) -> None:
    """Measure the interpreters, signatures and compiled models that the module has."""
    if module.__name__ == "ai_edge_litert.compiled_model":
        wrap = models.call("tflite", _names.get)
        automatic.replace(module, "CompiledModel", ["run_by_name", "run_by_index"], wrap)
        return
    automatic.replace(module, "Interpreter", ["__init__"], _remembered)
    automatic.replace(module, "Interpreter", ["invoke"], models.call("tflite", _names.get))
    if hasattr(module, "SignatureRunner"):
        wrap = models.call("tflite", _name_of_signature)
        automatic.replace(module, "SignatureRunner", ["__call__"], wrap)


def _remembered(original: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        _names.put(self, models.stem(args[0] if args else kwargs.get("model_path")))

    return __init__


def _name_of_signature(runner: Any) -> Any:
    return _names.get(runner._interpreter) or "Interpreter"
