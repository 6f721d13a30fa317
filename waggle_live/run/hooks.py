"""Patches pywaggle as it is imported, and turns SIGTERM into a clean exit."""

import _thread
import os
import signal
import sys
from contextlib import suppress
from functools import wraps
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, Optional, cast

from ..wire.errors import LiveMetricsError

EXIT_SIGTERM = 128 + signal.SIGTERM


def install() -> None:
    """Install the import hook, and the handler where SIGTERM still has its default action."""
    sys.meta_path.insert(0, _PatchingFinder())
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _Terminator(os.getpid()))


class _Terminator:
    """Lets ``with`` blocks and atexit run at SIGTERM: the last samples are sent there."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self, signum: int, frame: Any) -> None:
        if os.getpid() == self._pid and not _is_multiprocessing_child():
            raise SystemExit(EXIT_SIGTERM)
        # A child dies of the signal as its parent expects (Process.terminate), but not before
        # its last samples are sent. By another thread: this one may have been interrupted in the
        # middle of a fold, whose end the sender would wait for.
        signal.signal(signum, signal.SIG_DFL)
        _thread.start_new_thread(_end, (signum,))


def _is_multiprocessing_child() -> bool:
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.current_process()._parent_pid is not None


def _end(signum: int) -> None:
    """Send what is left and die of the signal."""
    from ..live import current

    live = current()
    if live is not None:
        live.close("exit")
    os.kill(os.getpid(), signum)


class _PatchingFinder:
    """A meta path finder that finds by means of the others and patches some modules once loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        patch = PATCHES.get(name)
        if patch is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = cast(Any, _PatchingLoader(spec.loader, patch))
                return spec
        return None


class _PatchingLoader:
    """Loads as the loader it stands for, then patches."""

    def __init__(self, loader: Any, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _patch_plugin(module: Any) -> None:
    """Put our Plugin in the place of pywaggle's, for every style of import."""
    from .. import plugin

    ours: Optional[Any] = getattr(plugin, "Plugin", None)
    if ours is not None:  # None while waggle_live.plugin itself is what imports pywaggle
        module.Plugin = module.plugin.Plugin = ours


def _patch_after_ours(module: Any) -> None:
    """Patch pywaggle's after all, where it was us who had it loaded."""
    if "waggle.plugin" in sys.modules:
        _patch_plugin(sys.modules["waggle.plugin"])


def _patch_vision(module: Any) -> None:
    """Count the frames of ``Camera.stream()`` and ``Camera.snapshot()``."""
    camera = module.Camera
    stream = camera.stream

    @wraps(stream)
    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for sample in stream(*args, **kwargs):
            _tick("camera.stream")
            yield sample

    camera.stream = counted
    camera.snapshot = _counted_call(camera.snapshot, "camera.snapshot")


def _patch_audio(module: Any) -> None:
    """Count the recordings of ``Microphone.record()``."""
    module.Microphone.record = _counted_call(module.Microphone.record, "microphone.record")


PATCHES: Dict[str, Callable[[ModuleType], None]] = {
    "waggle.plugin": _patch_plugin,
    "waggle_live.plugin": _patch_after_ours,
    "waggle.data.vision": _patch_vision,
    "waggle.data.audio": _patch_audio,
}


def _counted_call(function: Any, name: str) -> Any:
    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        _tick(name)
        return result

    return counted


def _tick(name: str) -> None:
    """Count an event with the plugin that is open in this process, if one is."""
    from ..live import current

    live = current()
    if live is not None:
        with suppress(LiveMetricsError):  # the author uses that name for something else
            live.rate(name).tick()
