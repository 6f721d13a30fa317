"""HTTP on port 9090: routes, guard, page, TLS and passwords."""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any


def _import_server_alone() -> None:
    """Let ``aiohttp.web`` be imported without aiohttp's client, which takes 4 MiB.

    The package ``aiohttp`` imports both. Here it is filled only when somebody asks it for more
    than its modules.
    """
    spec = find_spec("aiohttp")
    if "aiohttp" in sys.modules or spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def fill(name: str) -> Any:
        if find_spec(f"aiohttp.{name}") is not None:
            return import_module(f"aiohttp.{name}")
        # It defines a `__getattr__` of its own. Threads may do this at once: nothing is done twice.
        loader.exec_module(package)
        if vars(package)["__getattr__"] is fill:
            del vars(package)["__getattr__"]
        return getattr(package, name)

    # Its modules want a version; nothing of ours shows it.
    vars(package).update(__getattr__=fill, __version__="")
    sys.modules["aiohttp"] = package


_import_server_alone()
