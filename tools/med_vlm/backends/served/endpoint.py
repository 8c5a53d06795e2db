"""Where the model's server is: one origin, by TLS or on this machine, and the key that only this origin sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from fhir.errors import ElsewhereRefused
from fhir.wire.origins import Origin, origin_of
from tools.med_vlm.errors import ModelSourceRefused

_LONGEST_KEY = 4096


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server of OpenAI's protocol. Its key is shown in no repr."""

    base: str
    """Up to and with the version, e.g. `https://models.example/v1`; no slash at its end."""
    origin: Origin
    key: str | None = field(default=None, repr=False)

    def url(self, path: str) -> str:
        """Of `chat/completions`, `models`, `systemone`."""
        return f"{self.base}/{path}"

    @property
    def headers(self) -> dict[str, str]:
        """Sent with every question: compressed answers are not asked for, so that small ones cannot unpack into large ones."""
        said = {"User-Agent": "Sidenote", "Accept-Encoding": "identity"}
        return said if self.key is None else {**said, "Authorization": f"Bearer {self.key}"}


def endpoint_of(source: str, key_file: Path | None = None) -> Endpoint:
    """The server of an entry of the settings; a URL without a path means `/v1`, as every such server has it.

    Raises:
        ModelSourceRefused: no plain http or https URL, one with a query, no TLS to another machine, or the key cannot be read.
    """
    try:
        origin = origin_of(source)
    except ElsewhereRefused as error:
        raise ModelSourceRefused(str(error)) from None
    parts = urlsplit(source)
    if parts.query or parts.fragment:
        raise ModelSourceRefused("its URL has a query or a fragment")
    if not origin.private:
        raise ModelSourceRefused("images of a patient are sent by https, or to this machine itself")
    base = source.rstrip("/") if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/v1"
    return Endpoint(base, origin, None if key_file is None else _key(key_file))


def _key(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as opened:
            key = opened.read(_LONGEST_KEY + 1).strip()
    except (OSError, ValueError):
        raise ModelSourceRefused("the file with its key cannot be read") from None
    if not key or len(key) > _LONGEST_KEY or not key.isprintable() or " " in key:
        raise ModelSourceRefused("the file with its key holds no key")
    return key
