"""A connection that fails says so in our words, in time, and without what is secret."""

from __future__ import annotations

import fcntl
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.errors import ExtraMissing, IndexMissing, IndexUnreachable
from retrieval.milvus.connecting import Connection


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound, so that it is given to nobody, and listens to nobody."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def said(error: BaseException) -> str:
    """What a log would show of an error and of those behind it."""
    return "\n".join(line for line in traceback.TracebackException.from_exception(error).format() if not line.startswith("  File"))


def test_a_server_that_is_not_there_is_a_retryable_error_without_credentials(milvus_lite: None, closed_port: int) -> None:
    started = time.monotonic()
    with pytest.raises(IndexUnreachable) as caught:
        Connection(f"http://someone:sesame@127.0.0.1:{closed_port}", timeout=0.5)
    assert time.monotonic() - started < 9, "pymilvus itself waits ten"
    assert caught.value.retryable
    assert "sesame" not in said(caught.value)
    with pytest.raises(IndexUnreachable) as caught:
        Connection(f"http://127.0.0.1:{closed_port}", token="someone:sesame", timeout=0.5)
    assert "sesame" not in said(caught.value)


def test_a_server_that_never_answers_is_given_up(milvus_lite: None) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(IndexUnreachable):
            Connection(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.5)


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1", "nonsense", "http://[", ""])
def test_an_address_that_is_none_is_a_typed_error_without_it(milvus_lite: None, uri: str) -> None:
    with pytest.raises(IndexUnreachable) as caught:
        Connection(uri, timeout=0.5)
    assert not uri or uri not in str(caught.value)


def test_a_folder_that_is_not_there_is_a_typed_error(milvus_lite: None, tmp_path: Path) -> None:
    with pytest.raises(IndexUnreachable):
        Connection(str(tmp_path / "nowhere" / "cases.db"))


def test_a_file_that_another_process_has_open_is_a_retryable_error(own_uri: str) -> None:
    Connection(own_uri).close()
    with (Path(own_uri) / "LOCK").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(IndexUnreachable) as caught:
            Connection(own_uri)
    assert own_uri not in said(caught.value)
    Connection(own_uri).close()


def test_one_file_by_two_names_has_one_server(own_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(own_uri).parent)
    first, second = Connection(own_uri), Connection(Path(own_uri).name)
    first.close()
    assert second.ask("list_collections") == []
    second.close()


def test_a_server_that_goes_away_is_a_retryable_error(own_uri: str) -> None:
    from milvus_lite.server_manager import server_manager_instance

    connection = Connection(own_uri)
    assert connection.ask("list_collections") == []
    server_manager_instance.release_server(own_uri)
    with pytest.raises(IndexUnreachable) as caught:
        connection.ask("list_collections", timeout=0.5)
    assert own_uri not in said(caught.value)
    connection.close()


def test_a_collection_that_is_not_there_is_missing(own_uri: str) -> None:
    connection = Connection(own_uri)
    for method in ("describe_alias", "load_collection"):
        with pytest.raises(IndexMissing):
            connection.ask(method, "nothing")
    with pytest.raises(IndexMissing):
        connection.count("nothing", "row >= 0")
    connection.close()


def test_the_local_server_stops_with_the_last_connection_to_its_file(own_uri: str) -> None:
    from milvus_lite.server_manager import server_manager_instance

    running = server_manager_instance._servers
    first, second = Connection(own_uri), Connection(own_uri)
    first.close()
    first.close()
    assert own_uri in running
    assert second.ask("list_collections") == []
    second.close()
    assert own_uri not in running
    third = Connection(own_uri)
    assert third.ask("list_collections") == []
    third.close()


def test_without_pymilvus_the_error_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ExtraMissing, match=r"sidenote\[milvus\]"):
        Connection("http://127.0.0.1")


def test_without_milvus_lite_a_file_is_not_opened(milvus_lite: None, monkeypatch: pytest.MonkeyPatch, own_uri: str) -> None:
    monkeypatch.setitem(sys.modules, "milvus_lite", None)
    with pytest.raises(ExtraMissing, match=r"sidenote\[milvus\]"):
        Connection(own_uri)


def test_what_the_client_would_log_stays_silent(own_uri: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection(own_uri)
    with pytest.raises(IndexMissing):
        connection.ask("query", "nothing", filter='person == "a secret key"')
    connection.close()
    assert "secret" not in "".join(capfd.readouterr()) + caplog.text
