"""How a page is sent."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from sandbox.ehr.pages.render import page, page_headers, source_of, style


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://app.example:8443/cb?a=b", "https://app.example:8443"),
        ("myapp:/cb", "myapp:"),
        ("myapp://host/cb", "myapp://host"),
        ("", ""),
    ],
)
def test_a_form_may_lead_to_the_origin_of_its_app(url: str, source: str) -> None:
    assert source_of(url) == source
    assert f"form-action 'self' {source}".rstrip() in page_headers(url)["Content-Security-Policy"].split("; ")


def test_what_is_filled_in_is_escaped_and_what_is_missing_is_no_page() -> None:
    assert b"<b>" not in page("stopped", 400, reason="<b>").body
    with pytest.raises(UndefinedError):
        page("stopped", 400)


def test_the_style_sheet_loads_nothing() -> None:
    text = bytes(style().body)
    assert b"url(" not in text
    assert b"@import" not in text
