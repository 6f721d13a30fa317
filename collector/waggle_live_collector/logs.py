"""Log lines in logfmt or JSON, on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime


def start(level: str, form: str) -> None:
    """Log at ``level`` (debug, info, warn, error) and above, as ``logfmt`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(form))
    logging.basicConfig(
        level={"warn": "WARNING"}.get(level, level.upper()), handlers=[handler], force=True
    )
    # aiohttp logs each bad request with a traceback; those are the client's troubles.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


class Formatter(logging.Formatter):
    """Lines in one of the two forms."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return one line: ``ts=... level=info msg="..."``, or the same as a JSON object."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        if self._form == "json":
            return json.dumps(fields)
        quoted = {k: json.dumps(v) if k in ("msg", "error") else v for k, v in fields.items()}
        return " ".join(f"{key}={value}" for key, value in quoted.items())
