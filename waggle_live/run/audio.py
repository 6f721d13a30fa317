"""pywaggle's ``Microphone``: a rate of its recordings."""

from typing import Any

from .events import counted


def patch(module: Any) -> None:
    """Count the recordings of all microphones."""
    module.Microphone.record = counted(module.Microphone.record, "microphone.record")
