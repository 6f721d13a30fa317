"""``torch.compile``: it leaves our code alone, as it does torch's own."""

from contextlib import suppress
from typing import Any


def patch(module: Any) -> None:
    """Called once PyTorch's list of such code is loaded, with the first model that is compiled."""
    with suppress(AttributeError):  # another version: it then looks at our code in vain
        module.add("waggle_live")
