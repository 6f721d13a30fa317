"""The usual places of the collector's socket. Both sides look here if nothing names another one.

A plugin uses a socket of the system whoever runs it. It uses one in a user's own directory only if
that user is its own. ``/tmp`` is never searched: anybody may put a socket there.
"""

import os
from typing import List, Mapping

#: The system's places, in this order. The second is that of the original notes.
DEFAULT_SOCKET_PATHS = ("/run/waggle/live-metrics/live_metrics.sock", "/app/live_metrics.sock")
#: The longest path of a unix socket that the kernel takes, in bytes.
MAX_SOCKET_PATH = 107


#: The variables that say where a user's socket is.
USER_VARIABLES = ("XDG_RUNTIME_DIR", "HOME")


def user_socket_paths(environ: Mapping[str, str], uid: int) -> List[str]:
    """Return the places of user ``uid`` in order: the runtime directory, then the home.

    A login sets ``XDG_RUNTIME_DIR``. cron, ``su`` and most containers don't, and many have none.
    """
    runtime = environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % uid
    directories = [
        os.path.join(runtime, "waggle"),
        os.path.join(environ.get("HOME", ""), ".waggle"),
    ]
    paths = [os.path.join(each, "live_metrics.sock") for each in directories]
    return [path for path in paths if os.path.isabs(path) and fits(path)]


def fits(path: str) -> bool:
    """Tell whether the kernel takes a unix socket of this path."""
    return "\0" not in path and len(os.fsencode(path)) <= MAX_SOCKET_PATH
