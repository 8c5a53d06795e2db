"""Whom we ask, compared as scheme, host and port, against everything that looks like them."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fhir.errors import ElsewhereRefused
from fhir.wire.origins import Origin, Origins, joined, origin_of, origins

GOOD = "https://ehr.example/fhir"

SAME = [
    "https://ehr.example",
    "HTTPS://EHR.Example/",
    "https://ehr.example:443/other?x=1#y",
    "https://ehr.example?x",
    "https://ehr.example:0443/",
]


@pytest.mark.std("A2")
@pytest.mark.parametrize("url", SAME)
def test_one_origin_is_written_in_many_ways(url: str) -> None:
    assert origin_of(url) == Origin("https", "ehr.example", 443)
    assert origins(GOOD).require(url) == origin_of(GOOD)


OTHERS = [
    "http://ehr.example/fhir",
    "http://ehr.example:443/fhir",
    "https://ehr.example:8443/fhir",
    "https://ehr.example.evil.example/fhir",
    "https://evil.example/ehr.example",
    "https://evil.example/?https://ehr.example/fhir",
    "https://evil.example#@ehr.example/",
    "https://ehr.example./fhir",
    "https://www.ehr.example/fhir",
    "https://ehr.exampl/fhir",
    "https://[::1]/fhir",
    "https://[::ffff:7f00:1]/fhir",
    "https://2130706433/fhir",
    "https://0x7f.1/fhir",
    "https://169.254.169.254/latest/meta-data",
    "https://xn--hr-mia.example/fhir",
]
NO_URLS = [
    "",
    "ehr.example/fhir",
    "//ehr.example/fhir",
    "/fhir",
    "https:ehr.example",
    "https:/ehr.example",
    "https:///fhir",
    "https://",
    "https://:443/",
    "https://@ehr.example/fhir",
    "https://good@ehr.example/fhir",
    "https://ehr.example@evil.example/fhir",
    "https://ehr.example:443@evil.example/fhir",
    "https://user:word@ehr.example/fhir",
    "https://ehr.example\\@evil.example/fhir",
    "https:\\\\ehr.example/fhir",
    "https://ehr.example:port/fhir",
    "https://ehr.example:-1/fhir",
    "https://ehr.example:0/fhir",
    "https://ehr.example:65536/fhir",
    "https://ehr.example:44\u0663/fhir",
    "https://ehr.example:443:443/fhir",
    "https://[::1/fhir",
    "https://[v1.x]/fhir",
    "https://<ehr.example>/fhir",
    "https://*.example/fhir",
    "https://[fe80::1%25eth0]/fhir",
    "https://ehr%2eexample/fhir",
    "https://%40EHR.example/fhir",
    "https://\u00ebhr.example/fhir",
    "https://ehr\u3002example/fhir",
    "https://ehr.example/f hir",
    " https://ehr.example/fhir",
    "https://ehr.example/fhir\n",
    "https://ehr.ex\tample/fhir",
    "https://ehr.example/\r\nHost: evil.example",
    "https://ehr.example/\x00",
    "https://ehr.example/\x7f",
    "file:///etc/hostname",
    "ftp://ehr.example/",
    "data:application/fhir+json,{}",
    "javascript:alert(1)",
    "urn:uuid:0c15e136-827d-4d70-a5b1-a63bf159b31c",
]


@pytest.mark.fault(9)
@pytest.mark.parametrize("url", OTHERS)
def test_what_only_looks_like_an_origin_is_another(url: str) -> None:
    listed = origins(GOOD)
    assert not listed.allows(url)
    with pytest.raises(ElsewhereRefused, match="not on the list"):
        listed.require(url)


@pytest.mark.fault(9)
@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_of_a_plain_host_has_no_origin(url: str) -> None:
    with pytest.raises(ElsewhereRefused) as caught:
        origin_of(url)
    assert "example" not in str(caught.value), "the URL is not in the message"
    assert not Origins(frozenset()).allows(url)
    with pytest.raises(ElsewhereRefused):
        origins(GOOD, plain=(url,))


def test_a_plain_origin_may_be_asked_and_is_not_trusted() -> None:
    listed = origins(GOOD, plain=("https://files.example/a",))
    assert listed.allows("https://files.example/b")
    assert origin_of("https://files.example") not in listed.trusted


@pytest.mark.parametrize(
    ("url", "loopback", "private"),
    [
        ("http://127.0.0.1:8000", True, True),
        ("http://127.8.9.10", True, True),
        ("http://[::1]:8000", True, True),
        ("http://[0:0:0:0:0:0:0:1]", True, True),
        ("http://localhost", True, True),
        ("http://localhost.evil.example", False, False),
        ("http://127.0.0.1.evil.example", False, False),
        ("http://10.0.0.1", False, False),
        ("http://0.0.0.0", False, False),
        ("https://10.0.0.1", False, True),
    ],
)
def test_knows_this_machine_and_what_is_kept_from_others(url: str, loopback: bool, private: bool) -> None:
    origin = origin_of(url)
    assert (origin.loopback, origin.private) == (loopback, private)


PIECES = (
    """https:// http:// // ehr.example evil.example EHR.EXAMPLE . @ : 443 80 / \\ ? # %40 %2f %00 [::1] [ ] user 127.0.0.1 0 ; xn-- * '"""
)
PARTS = st.sampled_from([*PIECES.split(), " ", "\t", "\n", "\x00", "\u00ad", "\u2025", "\uff0f", "\uff20"])
TAILS = st.lists(PARTS, max_size=8).map("".join) | st.text(max_size=40)
ODD_URLS = st.sampled_from(["https://", "http://", "https://ehr.example", ""]).flatmap(lambda head: TAILS.map(head.__add__))


@pytest.mark.fault(9)
@settings(max_examples=400)
@given(ODD_URLS)
@example("https://ehr.example\t@evil.example")
@example("http://[::ffff:127.0.0.1]")
@example("https://xn--evil.example")
def test_the_host_that_is_compared_is_the_host_that_is_asked(url: str) -> None:
    """Two readers of one URL that disagree are how a token leaks: whatever we let pass, httpx sends to the very same origin."""
    try:
        origin = origin_of(url)
    except ElsewhereRefused:
        return
    try:
        request = httpx.Request("GET", url)
    except (httpx.InvalidURL, UnicodeError):
        return  # not sent anywhere: see test_wire
    asked = request.url
    ports = {"http": 80, "https": 443}
    assert (asked.scheme, asked.raw_host.decode().strip("[]").lower(), asked.port or ports[asked.scheme]) == (
        origin.scheme,
        origin.host,
        origin.port,
    )
    assert asked.userinfo == b""
    assert request.headers["host"].partition("@")[2] == ""


HOSTS = st.lists(st.text("abz", min_size=1, max_size=3), min_size=1, max_size=4).map(".".join)


@given(HOSTS, HOSTS)
def test_two_hosts_are_the_same_only_when_they_are(one: str, other: str) -> None:
    assume(one != other)
    listed = origins(f"https://{one}")
    assert listed.allows(f"https://{one}/x")
    assert not any(listed.allows(f"https://{made}/x") for made in (other, f"{one}.{other}", f"{other}.{one}", f"{one}{other}"))


@pytest.mark.fault(8)
@pytest.mark.parametrize("link", ["http://[bad", "//[bad", "http://[x]/", "http://]/"])
def test_a_link_that_is_no_url_leads_nowhere(link: str) -> None:
    assert not origins(GOOD).allows(joined(GOOD, link))


@pytest.mark.parametrize(
    ("link", "expected"),
    [("?page=2", f"{GOOD}?page=2"), ("//elsewhere.example/x", "https://elsewhere.example/x"), ("../x", "https://ehr.example/x")],
)
def test_a_relative_link_is_joined_with_where_it_stood(link: str, expected: str) -> None:
    assert joined(GOOD, link) == expected
