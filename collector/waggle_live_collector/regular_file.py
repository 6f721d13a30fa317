"""Reads files that an operator names, without ever waiting for one."""

import os
import stat

#: Bytes of a file; a longer one is nothing that a person wrote. All authorities of a system
#: together have a quarter of it.
DEFAULT_MAX_BYTES = 1 << 20


def read(path: str, most: int = DEFAULT_MAX_BYTES) -> bytes:
    """Return what is in the file at ``path``.

    Raises OSError if it can't be read, has over ``most`` bytes, or is no regular file: a fifo
    would hold us up for ever.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("it is no regular file")
            data = file.read(most + 1)
    except ValueError as error:  # a NUL in the path
        raise OSError(str(error)) from error
    if len(data) > most:
        raise OSError(f"it is longer than {most} bytes")
    return data


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
