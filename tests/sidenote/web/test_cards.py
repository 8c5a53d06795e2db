"""The model card in the sidebar: all of it, where a model reads images, and nothing where none does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sidenote.settings import Settings
from sidenote.web.cards import card_sha256, card_view
from sidenote.web.wire.card import ModelCardView
from tools.med_vlm.compact.files import CARD, SHIPPED, load_card

STORES = {"lindenhof": [{"resourceType": "Patient", "id": "p1"}]}


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("cards"), "lindenhof", stores=STORES) as opened:
        yield opened


def asked(door: Any) -> Any:
    with door.client() as client:
        return client.get("/api/model-card", headers={"Authorization": f"Bearer {door.session(patient='p1')['handle']}"})


def test_without_an_image_model_there_is_no_card(door: Any) -> None:
    assert (asked(door).status_code, asked(door).json()["code"]) == (404, "not_found")


def test_the_card_has_every_source_attribute_and_what_is_not_known_is_written_out(door: Any) -> None:
    view = door.on_loop(lambda: _with_images(door))
    shown = {row.name: row.value for section in view.sections for row in section.attributes}
    card = load_card()
    assert view.model == f"{card.name} {card.version}"
    assert {name.replace("_", " "): value for name, value in card.attributes.items()}.items() <= shown.items()
    assert "not available" in shown.values()
    assert view.sections[0].title == "Read this first"


async def _with_images(door: Any) -> ModelCardView:
    from sidenote.web.cards import model_card

    return await model_card(SimpleNamespace(), replace(door.parts, image_model=True))  # type: ignore[arg-type]  # any session will do


def test_a_provenance_names_the_card_by_the_bytes_of_its_file(tmp_path: Path) -> None:
    assert card_sha256(Settings(home=tmp_path)) == hashlib.sha256((SHIPPED / CARD).read_bytes()).hexdigest()
    (tmp_path / CARD).write_bytes(b"another")
    assert card_sha256(Settings(home=tmp_path, model_folder=tmp_path)) == hashlib.sha256(b"another").hexdigest()


def test_the_card_of_a_sites_model_is_text_whatever_its_publisher_wrote(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text('{"summary": "Reads \\u202eeverything\\u001b[31m.", "attributes": {"output_type": "\\u2066Text\\u2069"}}')
    table = {"name": "m", "backend": "openai", "source": "http://127.0.0.1:9/v1", "licence": "MIT", "card": file}
    view = card_view(Settings.model_validate({"home": tmp_path, "image_model": "m", "model": [table]}))
    told = [view.summary, *(row.value for section in view.sections for row in section.attributes)]
    assert not {"\u202e", "\u2066", "\x1b"} & set("".join(told))
    assert (view.model, view.pictures) == ("m", ())
