"""Canonical bytes: what is written down is read back, exactly."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.blobs import canonical, pack, pack_chart, unpack, unpack_chart
from fhir.chart import Chart, Fact, Manifest, QualityIssue
from retrieval.cards import CaseCard, CaseFinding, Neighbour, SearchResult

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(value=st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers()))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


@given(texts=st.lists(TEXT, max_size=5), alias=TEXT)
def test_a_chart_comes_back_with_every_byte_of_its_text(texts: list[str], alias: str) -> None:
    facts = tuple(Fact("Observation", f"o{n}", text.encode(), version=None if n % 2 else "3") for n, text in enumerate(texts))
    manifest = Manifest("server", (("Condition", "refused"), ("Observation", "complete")), len(facts) + 1, ("a note",))
    quality = (QualityIssue("Observation/o0", "invalid", "status"),)
    chart = Chart(Fact("Patient", "p", b'{\n  "id": "p"\n}'), facts, manifest, quality, {alias: "Observation/o0"})
    again = unpack_chart(pack_chart(chart))
    assert again == chart
    assert again.sha256 == chart.sha256
    assert pack_chart(again) == pack_chart(chart)


NODULE = CaseFinding("nodule", "left", "upper lobe")


@given(thumbnail=st.binary(max_size=40), report=TEXT, image_hash=st.integers(0, 2**64 - 1))
def test_a_search_result_comes_back_with_its_thumbnails(thumbnail: bytes, report: str, image_hash: int) -> None:
    card = CaseCard(
        *("k", "p", "s", date(2020, 2, 29), "DX", "chest", "PA", "60-69", "male", (NODULE,), report, "h"),
        *(image_hash ^ 1, image_hash, "consent", "licence", None, thumbnail),
    )
    result = SearchResult((Neighbour(card, 0.12, ("nodule",), ()),), True, "", 3, (("same person", 2),), "flat", "few", 0.5, 0.95, "g")
    assert unpack(SearchResult, pack(SearchResult, result)) == result


def test_a_chart_comes_back_with_its_urn_uuid_names() -> None:
    from fhir.assemble import chart_from
    from fhir.bundles import read_document

    name = "8b2a8b2a-0000-4000-8000-000000000001"
    text = (
        '{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p"}},'
        f'{{"fullUrl":"urn:uuid:{name}","resource":{{"resourceType":"Condition","id":"{name}","subject":{{"reference":"Patient/p"}}}}}}]}}'
    )
    chart = chart_from([read_document(text.encode())], "p")
    again = unpack_chart(pack_chart(chart))
    assert again.resolve(f"urn:uuid:{name}") == chart.resolve(f"urn:uuid:{name}") == f"Condition/{name}"
