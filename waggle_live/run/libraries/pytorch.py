"""PyTorch: the outermost call of a ``torch.nn.Module``.

Modules that are scripted, traced, loaded by ``torch.jit`` or compiled are modules as well.
"""

from contextlib import suppress
from typing import Any

from . import automatic, models

#: Torch's classes around an author's model, and the attribute with that model.
_AROUND = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}
#: Torch's classes for all scripted models, which know the name of the author's class.
_SCRIPTED = ("RecursiveScriptModule", "TopLevelTracedModule", "TracedModule")


def patch(module: Any) -> None:
    """Measure all modules. Called while ``torch`` itself is still being imported."""
    automatic.replace(module, "Module", ["__call__"], models.call("torch", _name))
    with suppress(AttributeError):
        # torch.compile makes one graph of many modules, so it gets the original method.
        method = module.Module.__call__
        method._torchdynamo_inline = method.__wrapped__


def _name(model: Any) -> Any:
    name = type(model).__name__
    while name in _AROUND:
        model = getattr(model, _AROUND[name])
        name = type(model).__name__
    return model.original_name if name in _SCRIPTED else name
