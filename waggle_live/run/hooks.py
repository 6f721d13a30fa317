"""The import hook: patches a library once the plugin has imported it.

None of our frames is on the stack while the library is loaded, and its spec and loader are Python's
own. So the tracebacks of its errors, ``inspect``, ``pkgutil`` and ``runpy`` see the same as without
us. Only imports by Python's own import are patched. A module that the plugin executes itself
(``spec.loader.exec_module``) or reloads is not, nor one in a zip file before Python 3.10.
docs/adr/0003 says why.
"""

import os
import sys

TYPE_CHECKING = False  # each Python that a plugin starts loads this, mostly before typing
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any
else:
    ModuleSpec = type(sys.__spec__)

#: The directory of our ``sitecustomize``, which ``waggle-live run`` puts first on ``PYTHONPATH``.
START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start")

#: Set by ``run --pace`` if cameras are paced. The plugin's children inherit it.
PACE_VARIABLE = "WAGGLE_LIVE_PACE"

#: Imported modules, and our modules with the ``patch`` for them, which are loaded only then.
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
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo the hook, in this process and in the children that it starts from now on."""
    sys.meta_path.remove(_finder)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path != START)
    if not os.environ["PYTHONPATH"]:
        del os.environ["PYTHONPATH"]


class _PatchingFinder:
    """A meta path finder that searches by the others, and marks the spec of some modules."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name not in PATCHES:
            return None
        try:
            for finder in sys.meta_path:
                spec = None if finder is self else finder.find_spec(name, path, target)
                if spec is not None:
                    if type(spec) is ModuleSpec:
                        spec.__class__ = _PatchingSpec
                    return spec
        except Exception:  # Python then asks the finders itself, and they raise without us
            return None
        return None


class _PatchingSpec(ModuleSpec):
    """A spec that notices when Python has loaded its module. Then it becomes a plain one.

    Python sets ``_initializing`` to False last of all. Until then other threads that import the
    module wait, so they never see it unpatched.
    """

    @property
    def _initializing(self) -> bool:
        return bool(self.__dict__.get("_initializing"))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        if self._initializing and not value:
            module = sys.modules.get(self.name)
            self.__class__ = ModuleSpec  # type: ignore[assignment]
            if module is not None:  # else it has raised
                _patch(self.name, module)
        self.__dict__["_initializing"] = value


_finder: "Any" = _PatchingFinder()
_PatchingSpec.__name__ = _PatchingSpec.__qualname__ = ModuleSpec.__name__  # for its repr


def _patch(name: str, module: "Any") -> None:
    """Patch a module. An error is logged, and the plugin runs on without."""
    try:
        from importlib import import_module

        import_module(PATCHES[name], __package__).patch(module)
    except Exception:
        from ..logs import logger

        logger.exception("live metrics: %s is not measured", name)
