"""Who answers: the model that the settings name, and the same one from the first answer to the last (FAULTS 68).

A server may put other weights under an old name. Its own list of models says what stands behind a name: it is read before
the first question, and again whenever it was last read a while ago.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable

from pydantic import BaseModel

from tools.med_vlm.backends.served.line import Ask, Line, Stream
from tools.med_vlm.errors import ModelAnswerUnusable, ModelChanged, ModelServerRefused, ModelServerUnreachable

LOOK_AGAIN = 30.0
"""Seconds that what the server said of the model is taken for true."""
_LIST_BYTES = 1 << 20
_DATE = re.compile(r"-\d[\d-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class _Listed(BaseModel):
    """What stays the same as long as the weights do: no times, no random ids."""

    id: str
    root: str | None = None
    owned_by: str | None = None
    parent: str | None = None
    max_model_len: int | None = None


class _List(BaseModel):
    data: list[_Listed]


class ServedName:
    """The name of one model on one server. Safe to share between threads."""

    def __init__(self, line: Line, name: str, revision: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet."""
        self.name, self._line, self._revision, self._clock = name, line, revision, clock
        self._lock = threading.Lock()
        self._answered: str | None = None
        self._listed: _Listed | None = None
        self._looked: float | None = None

    def recognise(self, said: str | None) -> None:
        """Compare the name in an answer; one that gives none is believed.

        Raises:
            ModelChanged: it is not the model of the settings, or not the one that answered before.
        """
        if said is None:
            return
        with self._lock:
            if self._answered is None:
                self._require_named(said)
                self._answered = said
            elif said != self._answered:
                raise ModelChanged("the server answers with another model than before")

    def look(self) -> None:
        """Read what the server says of the model, if that was not done a moment ago. A server without a list says nothing.

        Raises:
            ModelChanged: it says another thing than before.
            MedVlmError: it is not there, or busy.
        """
        with self._lock:
            if self._looked is not None and self._clock() - self._looked < LOOK_AGAIN:
                return
            listed = self._read()
            if self._listed is not None and listed is not None and listed != self._listed:
                raise ModelChanged("the server has put another model under the same name")
            self._listed, self._looked = self._listed or listed, self._clock()

    def fingerprint(self) -> str:
        """SHA-256 of what names the weights: the server, the name, the revision of the settings, and what the server says of it.

        Raises:
            MedVlmError: as `look`.
        """
        self.look()
        origin = self._line.endpoint.origin
        listed = "" if self._listed is None else self._listed.model_dump_json()
        told = "\n".join((origin.host, str(origin.port), self.name, self._revision or "", listed))
        return hashlib.sha256(told.encode()).hexdigest()

    def _require_named(self, said: str) -> None:
        """`NAME`, `NAME@REVISION` as transformers serve says it, or `NAME-DATE` as hosted models do."""
        rest = said.removeprefix(self.name)
        if rest == said or not (not rest or rest.startswith("@") or _DATE.fullmatch(rest)):
            raise ModelChanged("the server answers with another model than the settings name")
        commit = rest.removeprefix("@")
        if self._revision is not None and _COMMIT.fullmatch(commit) and commit != self._revision:
            raise ModelChanged("the server answers with another revision than the settings name")

    def _read(self) -> _Listed | None:
        try:
            listed = self._line.ask(Ask("models", _LIST_BYTES), _list)
        except (ModelServerRefused, ModelAnswerUnusable):
            return None
        except ModelServerUnreachable as error:
            if error.status != 500:  # transformers serve without a hub cache
                raise
            return None
        return next((one for one in listed.data if one.id == self.name), None)


def _list(stream: Stream) -> _List:
    try:
        return _List.model_validate_json(b"".join(stream.parts))
    except ValueError:
        raise ModelAnswerUnusable("its list of models is none") from None
