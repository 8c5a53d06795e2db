"""What a page must send to begin: a secret of its tab that is long enough, and the name of an EHR."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sidenote.web.wire.session import LaunchAsked, SessionAsked

ISS = "https://ehr.example/fhir"


@pytest.mark.std("A5")
@pytest.mark.parametrize("window", ["", "w" * 21, "w" * 87, "w" * 21 + "+", "w" * 22 + "\n", "ü" * 22])
def test_a_secret_that_is_short_or_no_base64url_is_none(window: str) -> None:
    with pytest.raises(ValidationError):
        LaunchAsked(iss=ISS, window=window)


@pytest.mark.parametrize("window", ["w" * 22, "A_-9" * 8])
def test_a_launch_is_taken_byte_for_byte(window: str) -> None:
    asked = LaunchAsked(iss=ISS + "/", launch=" a+b%20 ", window=window)
    assert (asked.iss, asked.launch, asked.window) == (ISS + "/", " a+b%20 ", window)


@pytest.mark.parametrize("ehr", ["", "Lindenhof", "../x", "a b", "1st", "x" * 33])
def test_the_name_of_an_ehr_is_a_word_of_a_path(ehr: str) -> None:
    with pytest.raises(ValidationError):
        SessionAsked(ehr=ehr, query="code=c&state=s", window="w" * 22)
