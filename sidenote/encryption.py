"""Which servers of the case library would be asked without TLS. Reports and thumbnails go there, so none may that is elsewhere.

This machine needs none: its loopback interface and its sockets. A network that the site holds to be closed is named by host.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from fhir.wire.origins import Origin
from retrieval.milvus.connecting import local_file
from sidenote.errors import SettingsInvalid

_PROVED = frozenset({"verify-ca", "verify-full"})
"""Values of libpq's `sslmode` that encrypt and prove who answers; `require` talks to anybody, `prefer` falls back to plain text."""


def refuse_cleartext(key: str, hosts: Collection[str], allowed: Collection[str], mend: str) -> None:
    """Return when none of `hosts` would be asked without TLS that the site did not allow.

    Args:
        key: The setting that names the server.
        hosts: What `milvus_hosts` or `postgres_hosts` found.
        allowed: `unencrypted_hosts` of the settings.
        mend: What to do instead.

    Raises:
        SettingsInvalid: naming `key`, not the server.
    """
    if set(hosts) - {host.lower() for host in allowed}:
        raise SettingsInvalid(f"{key}: a server elsewhere would be asked without TLS: {mend}, or name its host in unencrypted_hosts")


def milvus_hosts(uri: str) -> frozenset[str]:
    """Hosts that a URI of Milvus asks without TLS, this machine left out.

    >>> milvus_hosts("http://Milvus.example:19530"), milvus_hosts("https://milvus.example"), milvus_hosts("http://127.0.0.1:19530")
    (frozenset({'milvus.example'}), frozenset(), frozenset())
    """
    if local_file(uri) or uri.startswith("unix:"):
        return frozenset()
    try:
        parts = urlsplit(uri if "://" in uri else f"http://{uri}")
        host = parts.hostname or ""
    except ValueError:
        return frozenset({""})
    return frozenset() if parts.scheme == "https" or _here(host) else frozenset({host})


def postgres_hosts(url: str) -> frozenset[str]:
    """Hosts that a URL of PostgreSQL asks without proven TLS, this machine left out; what libpq's environment says counts too.

    None where psycopg is not installed: then nobody is asked at all.
    """
    try:
        from psycopg import Error, pq
    except ImportError:
        return frozenset()
    try:
        given = _values(pq.Conninfo.parse(url.encode()))
    except Error:
        return frozenset({""})
    known = {**_values(pq.Conninfo.get_defaults()), **given}
    service = given.get("service") or os.environ.get("PGSERVICE")
    mode = given.get("sslmode") if service else known.get("sslmode")  # a service's own words are not seen here
    return frozenset() if mode in _PROVED else frozenset(_elsewhere(known, service))


def _values(options: Collection[object]) -> dict[str, str]:
    named = ((option.keyword.decode(), option.val) for option in options)  # type: ignore[attr-defined]  # psycopg.pq.ConninfoOption
    return {name: value.decode() for name, value in named if value}


def _elsewhere(known: dict[str, str], service: str | None) -> Iterator[str]:
    if service:
        yield service.lower()
    for host in (known.get("hostaddr") or known.get("host", "")).split(","):
        if host and not host.startswith(("/", "@")) and not _here(host):
            yield host.lower()


def _here(host: str) -> bool:
    return Origin("http", host.lower(), 0).loopback
