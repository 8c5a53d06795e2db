"""Logs as JSON lines, of allowed fields alone (FAULT 110).

Ours say what happened by a name and fields: `log.info("review_done", extra={"status": "presented", "ms": 812.5})`. A field that is
not on the list is left out, and so is a value that is no code, number or path of ours. Of what libraries say, the name of the logger
and the level are told, and of an error its type and place: their messages may quote a URL, a header or the record.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import MappingProxyType, TracebackType
from typing import Any, TextIO

OURS = "sidenote"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}")
_PLACES = re.compile(r"[A-Za-z0-9_<>.\-]+:\d+(?:, ?[A-Za-z0-9_<>.\-]+:\d+)*")
_ROUTE = re.compile(r"/[A-Za-z0-9_/.{}:\-]{0,99}")
FIELDS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "code": _CODE,
        "ehr": re.compile(r"[a-z][a-z0-9\-]{0,31}"),
        "kind": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}"),
        "method": re.compile(r"[A-Z]{1,10}"),
        "ms": _CODE,
        "places": _PLACES,
        "review_id": _CODE,
        "route": _ROUTE,
        "rows": _CODE,
        "session": _CODE,
        "status": _CODE,
        "step": re.compile(r"[a-z]{1,16}"),
    }
)
"""Name of a field -> what its text must be; numbers are let through. `session` is the id that opens nothing, `route` a template,
`kind` the type of an exception, `places` file names and lines."""
MOST_PLACES = 6


class AllowListed(logging.Formatter):
    """One JSON object a line: time, level, then `event` and fields of ours, or the `logger` of somebody else."""

    def format(self, record: logging.LogRecord) -> str:
        """A line. Never the message of another's logger, nor of an exception."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name.partition(".")[0] == OURS:
            line["event"] = record.msg if isinstance(record.msg, str) and _CODE.fullmatch(record.msg) else "unnamed"
            line |= {name: value for name in FIELDS if (value := _allowed(name, record.__dict__.get(name))) is not None}
        else:
            line["logger"] = record.name if _CODE.fullmatch(record.name) else "unnamed"
        return json.dumps(line | _error(record.exc_info))


def _allowed(name: str, value: object) -> str | int | float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return round(value, 3)
    return value if isinstance(value, str) and FIELDS[name].fullmatch(value) else None


def _error(about: object) -> dict[str, str]:
    """Type and place of the exception of a record."""
    error = about[1] if isinstance(about, tuple) else None
    return told(error) if isinstance(error, BaseException) else {}


def told(error: BaseException) -> dict[str, str]:
    """What may be told of an exception: its type, and the last places it passed."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-MOST_PLACES:]]
    return {"kind": type(error).__name__, "places": ", ".join(places)}


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. A line that cannot be written is lost: what Python would print instead holds the message."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class _Before:
    """How logging stood, to be put back."""

    loggers: tuple[tuple[logging.Logger, list[logging.Handler], bool, int], ...]
    hooks: tuple[Any, Any, Any]
    disabled: bool
    showwarning: Callable[..., None]


@contextmanager
def installed(stream: TextIO | None = None) -> Iterator[Callable[[], None]]:
    """Everything that this process logs goes through the allow-list while the context lasts: warnings and uncaught exceptions too.

    Args:
        stream: Where lines are written; None: stderr.

    Yields:
        To be called once more when libraries were loaded that set up handlers of their own, such as with a model.
    """
    handler = _Lines(sys.stderr if stream is None else stream)
    handler.setFormatter(AllowListed())
    before = _now()
    _sweep(handler)
    _hook()
    try:
        yield lambda: _sweep(handler)
    finally:
        _restore(before)


def _sweep(handler: logging.Handler) -> None:
    """One handler, at the root. Others, wherever a library hung them, are taken away."""
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for logger in _loggers():
        logger.handlers, logger.propagate = [], True
    logging.getLogger(OURS).setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True  # its lines are paths with ids and queries


def _hook() -> None:
    logger = logging.getLogger(OURS)

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logger.critical("uncaught", exc_info=(kind, error, trace))

    def in_thread(about: threading.ExceptHookArgs) -> None:
        if about.exc_value is not None:
            logger.error("uncaught_in_thread", extra=told(about.exc_value))

    def unraisable(about: Any) -> None:
        logger.error("unraisable", extra=told(about.exc_value) if about.exc_value is not None else {})

    def warned(  # noqa: PLR0917 - as `warnings` calls it
        message: Warning | str, category: type[Warning], filename: str, lineno: int, file: object = None, line: object = None
    ) -> None:
        logger.warning("warning", extra={"kind": category.__name__, "places": f"{Path(filename).name}:{lineno}"})

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
    warnings.showwarning = warned


def _loggers() -> Iterator[logging.Logger]:
    """Every logger that there is, but the root."""
    for one in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(one, logging.Logger):
            yield one


def _now() -> _Before:
    loggers = [logging.getLogger(), *_loggers()]
    access = logging.getLogger("uvicorn.access")
    return _Before(
        tuple((one, list(one.handlers), one.propagate, one.level) for one in loggers),
        (sys.excepthook, threading.excepthook, sys.unraisablehook),
        access.disabled,
        warnings.showwarning,
    )


def _restore(before: _Before) -> None:
    for logger, handlers, propagate, level in before.loggers:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook = before.hooks
    logging.getLogger("uvicorn.access").disabled = before.disabled
    warnings.showwarning = before.showwarning
