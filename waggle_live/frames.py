"""Errors that pass a function of ours have the traceback that they have without us.

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
    """Whether this code is of a function of ours."""
    return bool(code.co_filename.startswith(_HERE))


def is_ours(traceback: "Any") -> bool:
    """Whether this entry of a traceback is of a function of ours."""
    return is_own_code(traceback.tb_frame.f_code)


def leave_out_ours() -> None:
    """Take our frames, which are its first ones, from the error that is being handled."""
    _, error, traceback = sys.exc_info()
    while traceback is not None and is_ours(traceback):
        traceback = traceback.tb_next
    if error is not None:
        BaseException.with_traceback(error, traceback)  # whatever its class makes of it
