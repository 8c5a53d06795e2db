"""What a server offers is tried; a server that is broken for a moment is not taken for one that offers nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tools.med_vlm.backends.served.chat import Chat
from tools.med_vlm.backends.served.offers import OFFERS, Offer, Offers
from tools.med_vlm.backends.served.served_name import ServedName
from tools.med_vlm.backends.served.systemone import SystemOne
from tools.med_vlm.errors import MedVlmError, ModelServerRefused, ModelServerUnreachable


@pytest.fixture
def offers_of(line: Any) -> Any:
    def make(server: Any) -> Offers:
        one = line(server)
        return Offers(Chat(one, ServedName(one, "tiny", None)), SystemOne(one, "tiny"))

    return make


FOUND = {"systemone": "systemone", "log-probabilities": "logprobs", "structured": "structured", "draws": "draws"}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("does", [True, False])
def test_each_thing_is_found_where_it_is_done_and_tried_once(serve: Any, offers_of: Any, offer: Offer, does: bool) -> None:
    server = serve(**{"draws": False, FOUND[offer]: does})
    offers = offers_of(server)
    assert [offers.has(offer) for _ in range(3)] == [does] * 3
    assert len(server.asked) == (3 if offer == "draws" else 1)


@pytest.mark.parametrize("offer", ["systemone", "log-probabilities", "structured", "draws"])
@pytest.mark.parametrize("fault", ["400", "404", "422", "not JSON", "a page"])
def test_a_refusal_or_nonsense_is_a_no(serve: Any, offers_of: Any, offer: Offer, fault: str) -> None:
    assert not offers_of(serve(systemone=True, logprobs=True, structured=True, faults=[fault])).has(offer)


@pytest.mark.parametrize("fault", ["401", "403", "502", "503", "dies"])
def test_a_server_that_answers_nothing_is_an_error_and_tried_again(serve: Any, offers_of: Any, fault: str) -> None:
    server = serve(logprobs=True, faults=[fault])
    offers = offers_of(server)
    with pytest.raises(MedVlmError):
        offers.has("log-probabilities")
    server.faults[:] = []
    assert offers.has("log-probabilities")


def test_broken_for_this_alone_is_a_no_and_broken_for_everything_is_an_error(serve: Any, offers_of: Any) -> None:
    """`transformers serve` answers 500 where a model's template does not fit typed questions."""
    assert not offers_of(serve(faults=["500", "none"])).has("systemone")
    with pytest.raises(ModelServerUnreachable):
        offers_of(serve(faults=["500"])).has("systemone")


def test_what_was_found_is_said_in_a_sentence_each(serve: Any, offers_of: Any) -> None:
    words = offers_of(serve(logprobs=True, draws=False)).all().in_words
    assert [sentence.startswith("The server gives") for sentence in words] == [False, True, False, False]
    assert words[3] == "The server does not give other answers to other seeds."


def test_no_key_is_no_offer(serve: Any, offers_of: Any) -> None:
    with pytest.raises(ModelServerRefused, match="key"):
        offers_of(serve(faults=["401"])).all()
