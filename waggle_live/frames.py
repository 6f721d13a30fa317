"""Keeps our frames out of the tracebacks of errors that pass through our functions.

    except BaseException:
        leave_out_ours()
        raise

Before Python 3.11 ``raise`` restores the traceback as it was, and our frames stay in it.
"""

import os
import sys

TYPE_CHECKING = False  # see run/tracebacks.py
if TYPE_CHECKING:
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_own_code(code: "Any") -> bool:
    """Tell whether this code belongs to a function of ours."""
    return bool(code.co_filename.startswith(_HERE))


def is_ours(traceback: "Any") -> bool:
    """Tell whether this entry of a traceback belongs to a function of ours."""
    return is_own_code(traceback.tb_frame.f_code)


def leave_out_ours() -> None:
    """Remove our frames, which come first, from the error that is being handled."""
    _, error, traceback = sys.exc_info()
    while traceback is not None and is_ours(traceback):
        traceback = traceback.tb_next
    if error is not None:
        BaseException.with_traceback(error, traceback)  # its class may override it
