"""HTTP on port 9090: routes, guard, page, stream, TLS and passwords."""

import sys
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
            raise AttributeError(name)  # whoever imports a module by its name goes on to do so
        del vars(package)["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    # The version would stand in the header Server, where it is nobody's business.
    vars(package).update(__getattr__=fill, __version__="")
    sys.modules["aiohttp"] = package


_import_server_alone()
