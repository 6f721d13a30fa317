"""pywaggle's ``Plugin``: the time of ``upload_file``, and the time waited in ``get``.

Both are replaced in pywaggle's own class, which ours calls. The counts of messages and uploads come
from our class and need no ``waggle-live run``.
"""

from typing import Any

from ...frames import leave_out_ours
from . import automatic


def patch(module: Any) -> None:
    """Measure both for all plugins of the process."""
    automatic.replace(module, "Plugin", ["upload_file"], _timed)
    automatic.replace(module, "Plugin", ["get"], _waited)


def _timed(original: Any) -> Any:
    def upload_file(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with automatic.timer("plugin.upload_file"):
                return original(self, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise

    return upload_file


def _waited(original: Any) -> Any:
    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        wait = automatic.timer("plugin.get").start()
        try:
            return original(self, *args, **kwargs)
        except BaseException:
            leave_out_ours()
            raise
        finally:
            wait.stop()  # a wait without a message is a wait too, and no failure

    return get
