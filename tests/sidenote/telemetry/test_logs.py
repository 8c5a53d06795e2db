"""Logs hold allowed fields alone: whatever a library, a warning or an exception says, its words are not among them (fault 110)."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidenote.telemetry.logs import FIELDS, AllowListed, installed

CANARY = "CANARY-MRN-7731 Zzyzx 1931-02-03"
pytestmark = [pytest.mark.fault(110), pytest.mark.std("A19")]


class Lines:
    """What was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.again: Callable[[], None] = lambda: None

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.all
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    with installed(found.stream) as found.again:
        yield found


def test_an_event_of_ours_has_its_fields_in_order(lines: Lines) -> None:
    extra = {"ms": 812.51239, "status": "presented", "ehr": "pretend", "route": "/api/reviews/{id}"}
    logging.getLogger("sidenote.web").info("review_done", extra=extra)
    line = lines.only
    assert list(line) == ["time", "level", "event", "ehr", "ms", "route", "status"]
    assert (line["event"], line["level"], line["ms"]) == ("review_done", "info", 812.512)


@pytest.mark.parametrize("name", ["patient", "user", "url", "token", "query", "handle", "message", "args", "msg"])
def test_a_field_that_is_not_on_the_list_is_left_out(name: str) -> None:
    record = logging.LogRecord("sidenote", logging.INFO, "", 0, "event", None, None)
    record.__dict__[name] = CANARY
    assert CANARY not in AllowListed().format(record)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [CANARY, "a b", "x?y=z", "é", "", [CANARY], {"a": CANARY}, True, None, "a" * 200, "line\nbreak"])
def test_a_value_that_is_no_code_is_left_out(lines: Lines, name: str, value: object) -> None:
    logging.getLogger("sidenote").info("event", extra={name: value})
    assert set(lines.only) == {"time", "level", "event"}


@given(st.text(), st.text())
def test_whatever_is_said_a_line_is_one_json_object_with_allowed_keys(message: str, value: str) -> None:
    record = logging.LogRecord("sidenote.any", logging.INFO, "", 0, message, None, None)
    record.__dict__ |= dict.fromkeys(FIELDS, value)
    text = AllowListed().format(record)
    assert "\n" not in text
    assert set(json.loads(text)) <= {"time", "level", "event", *FIELDS}


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.warning(CANARY),
        lambda log: log.error("of %s", CANARY),
        lambda log: log.warning("x", extra={"status": CANARY, "patient": CANARY}),
    ],
    ids=["message", "argument", "extra"],
)
@pytest.mark.parametrize("name", ["httpx", "uvicorn.error", "transformers.modeling", "asyncio", "py.warnings", CANARY])
def test_of_a_librarys_word_its_name_and_level_remain(lines: Lines, name: str, say: Callable[[logging.Logger], None]) -> None:
    logging.getLogger(name).setLevel(logging.WARNING)  # another test's server may have made it say less; it is put back
    say(logging.getLogger(name))
    assert set(lines.only) == {"time", "level", "logger"}
    assert CANARY not in lines.stream.getvalue()


def test_a_message_that_does_not_fit_its_arguments_is_no_trouble() -> None:
    record = logging.LogRecord("httpx", logging.ERROR, "", 0, "%d", (CANARY,), None)
    assert set(json.loads(AllowListed().format(record))) == {"time", "level", "logger"}


def broken() -> None:
    raise ValueError(CANARY)


@pytest.mark.parametrize("name", ["sidenote.web", "uvicorn.error"])
def test_of_an_exception_its_type_and_place_remain(lines: Lines, name: str) -> None:
    logging.getLogger(name).setLevel(logging.WARNING)
    try:
        broken()
    except ValueError:
        logging.getLogger(name).exception(CANARY)
    assert lines.only["kind"] == "ValueError"
    assert "test_logs.py:" in lines.only["places"]
    assert CANARY not in lines.stream.getvalue()


def test_the_access_log_of_the_server_is_off(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").error('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", f"/launch?iss={CANARY}", "1.1", 200)
    assert lines.all == []


def test_a_handler_that_a_library_hung_up_later_is_taken_away(lines: Lines, capfd: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("a_library_of_this_test")
    library.addHandler(logging.StreamHandler(sys.stderr))
    library.propagate = False
    lines.again()
    library.error(CANARY)
    assert lines.only["logger"] == "a_library_of_this_test"
    assert capfd.readouterr().err == ""


def test_a_warning_is_told_by_its_kind_and_place(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning(CANARY, UserWarning, "/a/folder/file.py", 12)
        warnings.warn(CANARY, RuntimeWarning, stacklevel=1)
    assert [(line["event"], line["kind"]) for line in lines.all] == [("warning", "UserWarning"), ("warning", "RuntimeWarning")]
    assert CANARY not in lines.stream.getvalue()
    assert lines.all[0]["places"] == "file.py:12"


def test_uncaught_exceptions_are_told_by_their_kind(lines: Lines, capfd: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    try:
        broken()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)

    async def run() -> None:
        task = asyncio.get_running_loop().create_task(_fails())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(run())
    found = {(line.get("event", line.get("logger")), line["kind"]) for line in lines.all}
    assert found == {("uncaught_in_thread", "ValueError"), ("uncaught", "ValueError"), ("asyncio", "ValueError")}
    assert CANARY not in lines.stream.getvalue() + capfd.readouterr().err


async def _fails() -> None:
    broken()


def test_a_stream_that_is_gone_costs_lines_and_prints_none_of_them(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with installed(stream):
        stream.close()
        logging.getLogger("httpx").error(CANARY)
    assert capfd.readouterr().err == ""


def test_afterwards_logging_is_as_it_was() -> None:
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    handlers, level = list(root.handlers), root.level
    with installed(io.StringIO()):
        assert len(root.handlers) == 1
    assert (root.handlers, root.level) == (handlers, level)
    assert hooks == (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
