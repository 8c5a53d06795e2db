"""Whom we ask: exact origins (RFC 6454), and which of them may be shown a token.

A token that follows a link to another host is stolen there (CVE-2026-34361). So an origin is compared as scheme, host and port,
never as the beginning of a text, and a URL with a user part is nobody's.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from fhir.errors import ElsewhereRefused

_PORTS = {"http": 80, "https": 443}
_PLAIN = re.compile(r"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""A name, or an address in its brackets, and a port."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host in lower case and port of a URL."""

    scheme: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is this machine itself, by address or as `localhost`."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def private(self) -> bool:
        """Whether what is sent there is kept from others on the way: TLS, or no way at all."""
        return self.scheme == "https" or self.loopback


def origin_of(url: str) -> Origin:
    """The origin of an absolute http or https URL.

    >>> origin_of("https://EHR.example/fhir?x=1")
    Origin(scheme='https', host='ehr.example', port=443)

    Raises:
        ElsewhereRefused: it is no such URL, names a user, or holds what no URL holds (white space, control characters, a backslash)
            or no host does (percent signs, which every reader undoes in its own way).
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ElsewhereRefused("no URL that can be asked")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ElsewhereRefused("no URL that can be asked") from None
    if parts.scheme not in _PORTS or not host or not _PLAIN.fullmatch(parts.netloc) or port == 0:
        raise ElsewhereRefused("no http or https URL of a plain host")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme])


def joined(base: str, link: str) -> str:
    """A link of an answer as an absolute URL (RFC 3986 5); as it is when it is none, which no list of origins allows.

    >>> joined("https://ehr.example/fhir/Patient", "?page=2")
    'https://ehr.example/fhir/Patient?page=2'
    """
    try:
        return urljoin(base, link)
    except ValueError:  # such as a bracket that is never closed
        return link


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that may be asked, and those among them that are shown the token."""

    trusted: frozenset[Origin]
    """May be asked and are shown the token."""
    plain: frozenset[Origin] = frozenset()
    """May be asked, and never see a token."""

    def allows(self, url: str) -> bool:
        """Whether a URL may be asked at all; False for what is no URL."""
        try:
            return origin_of(url) in self.trusted | self.plain
        except ElsewhereRefused:
            return False

    def require(self, url: str) -> Origin:
        """The origin of a URL that may be asked.

        Raises:
            ElsewhereRefused: it may not.
        """
        origin = origin_of(url)
        if origin not in self.trusted | self.plain:
            raise ElsewhereRefused("the URL leads to a host that is not on the list")
        return origin


def origins(*trusted: str, plain: tuple[str, ...] = ()) -> Origins:
    """The allow-list of the origins of these URLs.

    Raises:
        ElsewhereRefused: one of them is no URL of a plain host.
    """
    return Origins(frozenset(map(origin_of, trusted)), frozenset(map(origin_of, plain)))
