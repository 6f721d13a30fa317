"""What somebody asks of the sender: a flush, or the end."""

import threading
from typing import Optional


class Request:
    """Somebody waits, at most ``until``, for all that was recorded to be applied."""

    def __init__(self, until: float, status: Optional[str], patient: bool) -> None:
        self.until = until
        self.status = status  # of the bye; None for a flush
        #: Wait for a collector that was there a moment ago.
        self.patient = patient
        self.done = threading.Event()
        self.succeeded = False
