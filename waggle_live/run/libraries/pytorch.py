"""PyTorch: the outermost call of a ``torch.nn.Module``.

Modules that are scripted, traced, loaded by ``torch.jit`` or compiled are modules as well.
"""

from contextlib import suppress
from importlib import import_module
from typing import Any

from . import automatic, models

#: Classes of torch's around a model of the author's, and where they keep it.
_AROUND = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}
#: Classes of torch's for all scripted models, which know the name of the author's class.
_SCRIPTED = ("RecursiveScriptModule", "TopLevelTracedModule", "TracedModule")


def patch(module: Any) -> None:
    """Measure all modules. Called while ``torch`` itself is still being imported."""
    automatic.replace(module, "Module", ["__call__"], models.call("torch", _name))
    with suppress(Exception):  # a version without torch.compile
        method = module.Module.__call__
        # torch.compile takes the original where it makes one graph of many modules, and leaves our
        # frame alone, as it does torch's own, where a compiled model is called.
        method._torchdynamo_inline = method.__wrapped__
        import_module("torch._C._dynamo.eval_frame").skip_code(method.__code__)


def _name(model: Any) -> Any:
    name = type(model).__name__
    while name in _AROUND:
        model = getattr(model, _AROUND[name])
        name = type(model).__name__
    return model.original_name if name in _SCRIPTED else name
