"""Element paths: what stands at them, and what does not."""

from __future__ import annotations

import base64

import pytest

from fhir.chart import Fact
from policies.evidence import Quote
from tools.quotes import as_written, decoded, stands, text_at

NOTE = "Håkan is well.\nNo pneumothorax."
RAW = (
    '{"resourceType":"Observation","id":"o","status":"final","valueQuantity":{"value":1.00,"unit":"mg"},"x":1e3,"flag":true,'
    '"component":[{"valueInteger":7},{"code":{"text":"b"}}],"content":[{"attachment":{"data":"'
    + base64.b64encode(NOTE.encode()).decode()
    + '"}}],"conclusion":"Clear lungs."}'
).encode()
FACT = Fact("Observation", "o", RAW)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("valueQuantity.value", "1.00"),
        ("x", "1e3"),
        ("flag", "true"),
        ("component[0].valueInteger", "7"),
        ("component[1].code.text", "b"),
        ("conclusion#char=0,5", "Clear"),
        ("content[0].attachment.data#char=15,31", "No pneumothorax."),
        ("conclusion#char=0,99", None),
        ("conclusion#char=5,5", None),
        ("component[2].code.text", None),
        ("component", None),
        ("valueQuantity", None),
        ("status.code", None),
        ("component[-1].valueInteger", None),
        ("", None),
    ],
)
def test_finds_exactly_the_text_at_a_path(path: str, text: str | None) -> None:
    assert text_at(as_written(FACT), path) == text


def test_a_quote_with_one_other_digit_does_not_stand() -> None:
    assert stands(Quote(path="valueQuantity.value", text="1.00"), FACT)
    assert not stands(Quote(path="valueQuantity.value", text="1.0"), FACT)
    assert not stands(Quote(path="valueQuantity.unit", text="1.00"), FACT)


@pytest.mark.parametrize("data", ["not base64!", base64.b64encode(b"\xff\xfe\x00").decode(), "abc"])
def test_what_is_not_text_in_base64_has_no_text(data: str) -> None:
    assert decoded(data) is None


def test_reads_base64_with_spaces_inside() -> None:
    assert decoded("Q2xl\n YXI=") == "Clear"
