"""What every page shares: values are escaped, a missing one is an error, and a style is named by its hash."""

from __future__ import annotations

import base64
import hashlib

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidenote.render.html import csp_hash, environment


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onload='x' & more", "&#34; onload=&#39;x&#39; &amp; more"),
        ("eGFR < 30", "eGFR &lt; 30"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_and_never_read_as_markup(value: object, shown: str) -> None:
    assert environment().from_string("<p title='{{ value }}'>").render(value=value) == f"<p title='{shown}'>"


@given(st.text())
def test_no_text_of_a_record_opens_a_tag_or_leaves_an_attribute(text: str) -> None:
    shown = environment().from_string("{{ text }}").render(text=text)
    assert not set(shown) & set("<>\"'")


@pytest.mark.parametrize(
    "template", ["{{ missing }}", "{{ row.missing }}", "{% for one in missing %}{% endfor %}", "{% if missing %}x{% endif %}"]
)
def test_a_missing_value_is_an_error_and_no_empty_string(template: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string(template).render(row={})


def test_blocks_leave_no_lines_behind() -> None:
    assert environment().from_string("a\n  {% if true %}\nb\n  {% endif %}\nc").render() == "a\nb\nc"


@pytest.mark.parametrize("text", ["", "body { color: red }", "é\n"])
def test_the_hash_is_of_the_bytes_the_browser_hashes(text: str) -> None:
    assert base64.b64decode(csp_hash(text)) == hashlib.sha256(text.encode("utf-8")).digest()


def test_the_hash_of_nothing_is_the_known_one() -> None:
    assert csp_hash("") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
