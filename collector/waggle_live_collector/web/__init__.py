"""HTTP on port 9090: routes, guard, page, TLS and passwords."""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any


def _import_server_alone() -> None:
    """Let ``aiohttp.web`` be imported without aiohttp's client, which takes 4 MiB.

    The package ``aiohttp`` imports both. Here a package stands in for it. That runs the real
    ``__init__`` only if a name is asked for that is no module.
    """
    spec = find_spec("aiohttp")
    if "aiohttp" in sys.modules or spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def fill(name: str) -> Any:
        if find_spec(f"aiohttp.{name}") is not None:
            return import_module(f"aiohttp.{name}")
        # The package defines its own `__getattr__`. Several threads may get here at once.
        loader.exec_module(package)
        if vars(package)["__getattr__"] is fill:
            del vars(package)["__getattr__"]
        return getattr(package, name)

    # The modules of aiohttp read its version. We don't show it.
    vars(package).update(__getattr__=fill, __version__="")
    sys.modules["aiohttp"] = package


_import_server_alone()
