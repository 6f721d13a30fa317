"""pywaggle's ``Microphone``: its recordings, told apart by the microphone's name."""

from typing import Any

from . import automatic
from .source import measured


def patch(module: Any) -> None:
    """Measure the recordings of all microphones."""
    wrap = measured("microphone.record", "microphone", _name)
    automatic.replace(module, "Microphone", ["record"], wrap)


def _name(microphone: Any) -> str:
    name = getattr(microphone, "name", None)
    return automatic.value_of("microphone", "default" if name is None else str(name))
