"""A reader that is not there yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from tools.med_vlm.asked import asked_of
from tools.med_vlm.awaited import Awaited
from tools.med_vlm.doubles.fake import PROFILE, SeededReader
from tools.med_vlm.errors import ModelServerUnreachable, ModelTimedOut
from tools.med_vlm.reading import Reader
from tools.med_vlm.timed import Timed

ASKED = asked_of(np.random.default_rng(0).random((64, 64), dtype=np.float32))


class Server:
    """Comes up after some tries."""

    def __init__(self, down: int) -> None:
        self.down, self.tries = down, 0

    def open(self) -> Reader:
        self.tries += 1
        if self.tries <= self.down:
            raise ModelServerUnreachable("no connection")
        return SeededReader()


@pytest.mark.fault(66)
def test_it_fails_as_its_server_does_and_reads_once_that_is_there() -> None:
    server = Server(down=2)
    reader = Awaited("lingshu", PROFILE, server.open, rest=0)
    assert (reader.name, server.tries) == ("lingshu", 0)
    for ask in (lambda: reader.read(ASKED), lambda: reader.fingerprint):
        with pytest.raises(ModelServerUnreachable):
            ask()
    assert reader.read(ASKED) == SeededReader().read(ASKED)
    assert reader.probabilities(ASKED) == SeededReader().probabilities(ASKED)
    assert reader.fingerprint == SeededReader.fingerprint
    assert server.tries == 3


@pytest.mark.fault(66)
def test_a_try_that_failed_is_not_repeated_at_once_by_everybody_who_waits() -> None:
    server, now = Server(down=1), [0.0]
    reader = Awaited("lingshu", PROFILE, server.open, rest=15, clock=lambda: now[0])

    def ask(_: int) -> str:
        with pytest.raises(ModelServerUnreachable) as failed:
            reader.read(ASKED)
        return failed.value.code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(16))) == {"model_server_unreachable"}
    assert server.tries == 1
    now[0] = 15.0
    assert not reader.read(ASKED).abstained
    assert server.tries == 2


@pytest.mark.fault(66)
def test_who_waits_for_anothers_try_waits_no_longer_than_the_reading_has() -> None:
    began, over = Event(), Event()

    def slow() -> Reader:
        began.set()
        over.wait(20)
        return SeededReader()

    reader = Awaited("lingshu", PROFILE, slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reader.read, ASKED)
        assert began.wait(20)
        with pytest.raises(ModelTimedOut):
            Timed(reader, 0.05).read(ASKED)
        over.set()
        assert first.result() == Timed(reader, 60).read(ASKED)


def test_many_that_ask_at_once_open_it_once() -> None:
    server = Server(down=0)
    reader = Awaited("lingshu", PROFILE, server.open)
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda _: reader.read(ASKED), range(16)))
    assert server.tries == 1
    assert len({reading.model_dump_json() for reading in readings}) == 1
