"""Log lines in logfmt or JSON, on standard error."""

import json
import logging
import sys
from datetime import UTC, datetime


def start(level: str, form: str) -> None:
    """Log at ``level`` (debug, info, warn, error) and above, as ``logfmt`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Logfmt())
    logging.basicConfig(
        level={"warn": "WARNING"}.get(level, level.upper()), handlers=[handler], force=True
    )
    # aiohttp logs each bad request with a traceback; those are the client's troubles.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _fields(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, str]:
    moment = datetime.fromtimestamp(record.created, UTC)
    fields = {
        "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
        "msg": record.getMessage(),
    }
    if record.exc_info:
        fields["error"] = formatter.formatException(record.exc_info)
    return fields


class Logfmt(logging.Formatter):
    """``ts=... level=info msg="..."``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        fields = _fields(record, self)
        return " ".join(
            f"{key}={json.dumps(value) if key in ('msg', 'error') else value}"
            for key, value in fields.items()
        )


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        return json.dumps(_fields(record, self))
