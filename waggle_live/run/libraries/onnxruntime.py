"""ONNX Runtime: the runs of an ``InferenceSession``."""

from typing import Any

from ...frames import leave_out_ours
from . import automatic, models

_RUNS = ("run", "run_with_iobinding", "run_with_ort_values", "run_with_ortvaluevector")

_names = automatic.Notes()


def patch(module: Any) -> None:
    """Measure all sessions, also of an author's own subclasses."""
    automatic.replace(module, "Session", _RUNS, models.call("onnxruntime", _name))
    if hasattr(getattr(module, "Session", None), "run_async"):
        automatic.replace(module, "Session", ["run_async"], _until_its_callback)


def _name(session: Any) -> Any:
    """Return the name of the model's file, else of its graph."""
    name = _names.get(session)
    if name is None:
        path = getattr(session, "_model_path", None)
        name = models.stem(path) or session.get_modelmeta().graph_name
        _names.put(session, name)
    return name


def _until_its_callback(original: Any) -> Any:
    """Measure until the results are there: the call itself returns before that."""

    def run_async(
        self: Any, output_names: Any, input_feed: Any, callback: Any, *args: Any, **kwargs: Any
    ) -> Any:
        span = models.timer("onnxruntime", _name, self).start()

        def measured(*results: Any) -> Any:
            span.stop()
            return callback(*results)

        try:
            return original(self, output_names, input_feed, measured, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise

    return run_async
