"""The card on the terminal: cautions before figures, a dash for what was not measured, and every attribute."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fhir.codes import FINDING
from sidenote.commands.model.terminal_card import render_card, render_site_card
from sidenote.render.model_card import shown
from tools.med_vlm.compact.card import Card
from tools.med_vlm.compact.files import CARD, SHIPPED
from tools.med_vlm.site_card import SiteCard


@pytest.fixture(scope="module")
def card() -> Card:
    return Card.model_validate_json((SHIPPED / CARD).read_bytes())


def printed(card: Card, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(render_card(card))
    return out.getvalue()


def joined(card: Card, width: int = 200) -> str:
    """All words, whatever the lines."""
    return " ".join(printed(card, width).replace("│", " ").split())


def test_a_publishers_words_are_shown_as_they_are_and_obeyed_by_no_terminal() -> None:
    odd = "[/b] [link=https://example.org]here[/link] \x1b[2J \u202ertl"
    card = SiteCard(summary=odd, cautions=(odd,), attributes={"intended_use": odd})
    out = io.StringIO()
    Console(file=out, width=200, force_terminal=True, highlight=False).print(render_site_card("own", card))
    text = out.getvalue()
    assert text.count("[/b] [link=https://example.org]here[/link] \\u001b[2J \\u202ertl") == 3
    assert "\x1b[2J" not in text
    assert "\x1b]8" not in text


@pytest.mark.parametrize("width", [80, 200])
def test_the_cautions_come_before_every_figure_and_nothing_is_cut_off(width: int, card: Card) -> None:
    text = joined(card, width)
    assert all(" ".join(caution.split()) in text for caution in card.cautions)
    assert max(text.index(caution) for caution in card.cautions) < text.index("On held-out phantoms")
    assert "…" not in text


def test_every_finding_has_its_row_and_says_whether_its_region_is_shown(card: Card) -> None:
    lines = printed(card).splitlines()
    for one in card.findings:
        (row, *_) = [line for line in lines if line.startswith(FINDING[one.key].display + " ")]
        assert row.rstrip().endswith("shown" if one.localised else "withheld")
        assert shown(one.auroc) in row


def test_every_attribute_of_the_rule_is_named(card: Card) -> None:
    text = joined(card)
    assert len(card.attributes) == 31
    assert [name for name in card.attributes if name.replace("_", " ") not in text] == []


def test_what_was_not_measured_on_real_radiographs_says_so(card: Card) -> None:
    text = joined(card.model_copy(update={"external": ()}))
    assert "Not measured on real radiographs." in text
    assert "as if it had not abstained" not in text


@pytest.mark.parametrize(("refused", "total", "share"), [(0, 0, "0.000"), (3, 4, "0.750"), (4, 4, "1.000")])
def test_a_share_of_nothing_is_no_division_by_nothing(refused: int, total: int, share: str, card: Card) -> None:
    one: Any = card.refusals[0].model_copy(update={"images": "blank films", "refused": refused, "total": total})
    assert f"blank films {refused} of {total} {share}" in joined(card.model_copy(update={"refusals": (one,)}))
