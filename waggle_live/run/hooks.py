"""The import hook: patches a library once the plugin imports it."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any, cast

#: Which module of ours, loaded only then, has the ``patch`` for which module that is imported.
PATCHES = {
    "waggle.plugin": ".pywaggle",
    "waggle_live.plugin": ".pywaggle",
    "waggle.plugin.plugin": ".libraries.messages",
    "waggle.data.vision": ".libraries.vision",
    "waggle.data.audio": ".libraries.audio",
    "torch.nn.modules.module": ".libraries.pytorch",
    "torch._dynamo.trace_rules": ".libraries.torch_compile",
    "onnxruntime.capi.onnxruntime_inference_collection": ".libraries.onnxruntime",
    "tflite_runtime.interpreter": ".libraries.tflite",
    "ai_edge_litert.interpreter": ".libraries.tflite",
    "ai_edge_litert.compiled_model": ".libraries.tflite",
    "tensorflow.lite.python.interpreter": ".libraries.tflite",
    "keras.src.models.model": ".libraries.keras",
    "keras.src.backend.torch.layer": ".libraries.keras",
    # Keras 2, from the newest release to the oldest.
    "keras.src.engine.training": ".libraries.keras",
    "tf_keras.src.engine.training": ".libraries.keras",
    "keras.engine.training": ".libraries.keras",
    "tensorflow.python.keras.engine.training": ".libraries.keras",
    "waggle_live.reporter.reporter": ".sigterm",
}


def install() -> None:
    """Install the hook."""
    sys.meta_path.insert(0, _PatchingFinder())


class _PatchingFinder:
    """A meta path finder that finds by means of the others and patches some modules once loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in PATCHES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = cast(Any, _PatchingLoader(spec.loader))
                return spec
        return None


class _PatchingLoader:
    """Loads as the loader it stands for, then patches."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        import_module(PATCHES[module.__name__], __package__).patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
