"""What cannot be served safely does not start, and says which key is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.errors import UnsafeEngine
from sidenote.ehrs import Ehr
from sidenote.errors import SettingsInvalid
from sidenote.settings import Settings
from sidenote.web import serving
from sidenote.web.serving import public_url_of, web_parts

EHR = Ehr(name="lindenhof", iss="https://ehr.example/fhir", client_id="sidenote")


def settings(home: Path, **more: Any) -> Settings:
    return Settings(**{"home": home, "ehr": (EHR,), "public_url": "https://sidenote.example", **more})


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"ehr": ()}, "ehr"),
        ({"public_url": None}, "public_url"),
        ({"public_url": ""}, "public_url"),
        ({"public_url": "/"}, "public_url"),
        ({"public_url": "http://sidenote.example"}, "public_url"),
        ({"public_url": "http://10.0.0.1:8400"}, "public_url"),
        ({"public_url": "ftp://sidenote.example"}, "public_url"),
        ({"public_url": "https://user@sidenote.example"}, "public_url"),
        ({"public_url": "https://sidenote.example?x=1"}, "public_url"),
        ({"public_url": "https://sidenote.example#x"}, "public_url"),
        ({"public_url": "sidenote.example"}, "public_url"),
    ],
)
def test_what_cannot_be_served_is_named(tmp_path: Path, more: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"^{key}: "):
        public_url_of(settings(tmp_path, **more))


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://sidenote.example/", "https://sidenote.example"),
        ("https://sidenote.example/app/", "https://sidenote.example/app"),
        ("http://127.0.0.1:8400", "http://127.0.0.1:8400"),
        ("http://localhost:8400", "http://localhost:8400"),
        ("http://[::1]:8400", "http://[::1]:8400"),
    ],
)
def test_https_or_this_machine_is_served(tmp_path: Path, url: str, plain: str) -> None:
    assert public_url_of(settings(tmp_path, public_url=url)) == plain


@pytest.mark.fault(112)
@pytest.mark.parametrize("variable", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING", "LANGSMITH_TRACING_V2"])
def test_nothing_starts_that_would_send_charts_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")

    async def begin() -> None:
        async with web_parts(settings(tmp_path)):
            raise AssertionError("it began")

    with pytest.raises(UnsafeEngine, match=variable):
        asyncio.run(begin())


def test_what_is_built_is_given_back_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SWEEP_SECONDS", 0.01)
    swept = asyncio.Event()

    async def use() -> tuple[Any, list[str]]:
        async with web_parts(settings(tmp_path)) as parts:

            async def sweep() -> None:
                swept.set()

            monkeypatch.setattr(parts.sessions, "sweep", sweep)
            await asyncio.wait_for(swept.wait(), 60)
            assert (parts.public_url, parts.ehrs, parts.image_model) == ("https://sidenote.example", (EHR,), False)
            assert await parts.audit.ready()
            assert parts.now().tzinfo is not None
        return parts, [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    parts, left = asyncio.run(use())
    assert left == []
    assert not asyncio.run(parts.audit.ready())


def test_a_sweep_that_fails_does_not_end_the_sweeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SWEEP_SECONDS", 0.01)
    counted = 0

    async def use() -> None:
        async with web_parts(settings(tmp_path)) as parts:
            enough = asyncio.Event()

            async def sweep() -> None:
                nonlocal counted
                counted += 1
                if counted == 3:
                    enough.set()
                raise ValueError("a defect")

            monkeypatch.setattr(parts.sessions, "sweep", sweep)
            await asyncio.wait_for(enough.wait(), 60)

    asyncio.run(use())
