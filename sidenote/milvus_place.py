"""Where in Milvus the case library is, with whose token, and that nobody on the way reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.encryption import milvus_hosts, refuse_cleartext
from sidenote.servers import secret_in
from sidenote.settings import Settings

if TYPE_CHECKING:
    from retrieval.milvus.library import MilvusLibrary


@dataclass(frozen=True, slots=True)
class MilvusPlace:
    """A collection of a Milvus server, or of a file of milvus-lite."""

    uri: str
    collection: str
    token: str | None = field(default=None, repr=False)
    seal: str | None = None
    """The only one that is served; None: any whole library."""

    def open(self, encoder_fingerprint: str | None) -> MilvusLibrary:
        """What is published there; see `retrieval.milvus.library.open_milvus`."""
        from retrieval.milvus.library import open_milvus

        return open_milvus(self.uri, self.collection, encoder_fingerprint, token=self.token, expected=self.seal)


def milvus_place(
    settings: Settings, uri: str | None = None, collection: str | None = None, token_file: Path | None = None
) -> MilvusPlace | None:
    """The place that was named, the rest as configured; None where neither names one. The configured seal is of the configured place.

    Raises:
        SettingsInvalid: the token cannot be read, or a server elsewhere would be asked without TLS.
    """
    where, name, file = uri or settings.milvus_uri, collection or settings.milvus_collection, token_file or settings.milvus_token_file
    if where is None:
        return None
    refuse_cleartext("milvus_uri", milvus_hosts(where), settings.unencrypted_hosts, "write https://")
    token = None if file is None else secret_in(file, "milvus_token_file").decode("utf-8", "replace")
    configured = (where, name) == (settings.milvus_uri, settings.milvus_collection)
    return MilvusPlace(where, name, token, settings.milvus_seal if configured else None)
