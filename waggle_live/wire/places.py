"""Where the collector's socket stands if nothing names another place. Both sides look here.

A plugin takes a socket of the system from whoever runs it, and one in a user's own directory only
if it belongs to this user. Nothing is looked for in ``/tmp``, where anybody may put a socket.
"""

import os
from typing import List, Mapping

#: The system's places, in this order; the second is the original's.
DEFAULT_SOCKET_PATHS = ("/run/waggle/live-metrics/live_metrics.sock", "/app/live_metrics.sock")
#: Longest path of a unix socket that the kernel takes, in bytes.
MAX_SOCKET_PATH = 107


#: The variables that say where a user's socket is.
USER_VARIABLES = ("XDG_RUNTIME_DIR", "HOME")


def user_socket_paths(environ: Mapping[str, str], uid: int) -> List[str]:
    """Return the places of user ``uid``, in order: the runtime directory, then the home.

    A login sets ``XDG_RUNTIME_DIR``; cron, ``su`` and most containers don't, and many have none.
    """
    runtime = environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % uid
    directories = [
        os.path.join(runtime, "waggle"),
        os.path.join(environ.get("HOME", ""), ".waggle"),
    ]
    paths = [os.path.join(each, "live_metrics.sock") for each in directories]
    return [path for path in paths if os.path.isabs(path) and fits(path)]


def fits(path: str) -> bool:
    """Return whether the kernel takes a unix socket of this path."""
    return "\0" not in path and len(os.fsencode(path)) <= MAX_SOCKET_PATH
