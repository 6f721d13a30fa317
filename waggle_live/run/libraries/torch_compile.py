"""``torch.compile``: has it skip our code, as it skips torch's own."""

from contextlib import suppress
from typing import Any


def patch(module: Any) -> None:
    """Called once PyTorch's list of skipped code is loaded, with the first compiled model."""
    with suppress(AttributeError):  # another version, which then traces our code in vain
        module.add("waggle_live")
