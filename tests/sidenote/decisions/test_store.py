"""The store of decisions: one decision a claim whoever comes at once, nothing lost by a kill, nothing changed afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidenote.decisions.decision import Decision, Draft, Key, Taken
from sidenote.decisions.errors import DecidedAlready, NotDecided
from sidenote.decisions.store import HELD_SECONDS, Decisions

Decide = Callable[..., Decision]
CASES = 1_000
KEY = Key("general", "r-1", "C1")

RACER = """
import asyncio, json, sys, threading
from pathlib import Path
from sidenote.decisions.decision import Decision
from sidenote.decisions.errors import DecidedAlready
from sidenote.decisions.store import Decisions

path, process, cases = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
decisions = Decisions(path)
sys.stdin.readline()


def race(thread, told):
    async def all_cases():
        for number in range(cases):
            action = "approve" if thread == "0" else "reject"
            mine = Decision("general", "r-1", f"C{number}", action, "", "", f"{process}{thread}", "", "", "", "")
            try:
                told.append((number, "won", (await decisions.take(mine)).decision.by))
            except DecidedAlready as lost:
                told.append((number, "lost", lost.first.decision.by))

    asyncio.run(all_cases())


told = [[], []]
threads = [threading.Thread(target=race, args=(str(number), told[number])) for number in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(told))
"""


@pytest.mark.fault(51)
def test_of_two_threads_in_two_processes_one_decides_a_thousand_times(path: Path) -> None:
    Decisions(path)
    command = [sys.executable, "-c", RACER, str(path)]
    racers = [
        subprocess.Popen([*command, name, str(CASES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for name in ("a", "b")
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    told = [event for racer in racers for thread in json.loads(racer.communicate(timeout=120)[0]) for event in thread]
    winners = {number: by for number, how, by in told if how == "won"}
    assert sum(how == "won" for _, how, _ in told) == len(winners) == CASES
    assert [event for event in told if winners[event[0]] != event[2]] == [], "the others see the first"
    assert len(told) == 4 * CASES
    kept = asyncio.run(Decisions(path).of_review("general", "r-1"))
    assert {taken.decision.claim: taken.decision.by for taken in kept} == {f"C{number}": by for number, by in winners.items()}


def test_the_second_gets_the_first_with_all_that_it_says(decisions: Decisions, decide: Decide, draft: Draft) -> None:
    asyncio.run(decisions.take(decide(text="é <b>"), draft))
    with pytest.raises(DecidedAlready) as refused:
        asyncio.run(decisions.take(decide(action="reject", reason="No.", by="Practitioner/d2")))
    assert refused.value.first == Taken(decide(text="é <b>"), "pending")
    assert asyncio.run(decisions.of_review("general", "r-1")) == (refused.value.first,)


def test_claims_reviews_and_ehrs_are_decided_apart(decisions: Decisions, decide: Decide) -> None:
    for change in ({}, {"claim": "C2"}, {"review_id": "r-2"}, {"ehr": "other"}):
        asyncio.run(decisions.take(decide(**change)))
    assert [taken.decision.claim for taken in asyncio.run(decisions.of_review("general", "r-1"))] == ["C1", "C2"]
    assert asyncio.run(decisions.of(Key("general", "r-3", "C1"))) is None


def test_a_rejection_has_nothing_to_write(decisions: Decisions, decide: Decide) -> None:
    taken = asyncio.run(decisions.take(decide(action="reject", reason="No.")))
    assert taken.write == "off"
    assert asyncio.run(decisions.hold(KEY)) is None
    with pytest.raises(NotDecided):
        asyncio.run(decisions.wrote(KEY, ("DetectedIssue/1",)))


def test_a_write_is_held_by_one_until_it_failed_or_its_time_is_over(path: Path, decide: Decide, draft: Draft) -> None:
    now = [1_000.0]
    decisions = Decisions(path, clock=lambda: now[0])
    asyncio.run(decisions.take(decide(), draft))
    assert asyncio.run(decisions.hold(KEY)) == draft
    assert asyncio.run(decisions.hold(KEY)) is None
    assert asyncio.run(decisions.failed(KEY, "deadline_passed")) == Taken(decide(), "failed", problem="deadline_passed")
    assert asyncio.run(decisions.hold(KEY)) == draft
    now[0] += HELD_SECONDS + 1
    assert asyncio.run(decisions.hold(KEY)) == draft, "who held it is gone"


@pytest.mark.fault(96)
def test_a_clock_that_is_set_back_frees_what_it_holds(path: Path, decide: Decide, draft: Draft) -> None:
    now = [10_000.0]
    decisions = Decisions(path, clock=lambda: now[0])
    asyncio.run(decisions.take(decide(), draft))
    asyncio.run(decisions.hold(KEY))
    now[0] -= 1
    assert asyncio.run(decisions.hold(KEY)) is None, "a clock that is a little behind frees nothing"
    now[0] -= 3_600
    assert asyncio.run(decisions.hold(KEY)) == draft


def test_of_many_who_want_to_write_at_once_one_may(decisions: Decisions, decide: Decide, draft: Draft) -> None:
    async def all_at_once(number: int) -> int:
        decision = decide(claim=f"C{number}")
        await decisions.take(decision, draft)
        return sum([one is not None for one in await asyncio.gather(*(decisions.hold(decision.key) for _ in range(8)))])

    assert [asyncio.run(all_at_once(number)) for number in range(20)] == [1] * 20


def test_what_was_written_stays_written_and_its_draft_is_forgotten(decisions: Decisions, path: Path, decide: Decide, draft: Draft) -> None:
    asyncio.run(decisions.take(decide(), draft))
    asyncio.run(decisions.hold(KEY))
    done = asyncio.run(decisions.wrote(KEY, ("DetectedIssue/1", "Provenance/2")))
    assert done == Taken(decide(), "written", ("DetectedIssue/1", "Provenance/2"))
    assert asyncio.run(decisions.hold(KEY)) is None
    assert asyncio.run(decisions.wrote(KEY, ("DetectedIssue/9",))) == done
    assert asyncio.run(decisions.failed(KEY, "late")) == done
    assert asyncio.run(decisions.unfinished("general", "p1", "Practitioner/d1")) == ()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sidenote.decisions.decision import Decision, Draft
from sidenote.decisions.store import Decisions

decisions = Decisions(Path(sys.argv[1]))
decision = Decision("general", "r-1", "C1", "approve", "t", "", "Practitioner/d1", "2026-11-20T09:00:00Z", "a" * 64, "s", "b" * 64)
asyncio.run(decisions.take(decision, Draft("p1", "{}", "{}")))
if sys.argv[2] == "held":
    asyncio.run(decisions.hold(decision.key))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.fault(91)
@pytest.mark.parametrize("when", ["taken", "held"])
def test_a_kill_before_the_write_leaves_it_to_be_found_and_finished_once(path: Path, when: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    later = Decisions(path, clock=lambda: 10.0**11)
    (left,) = asyncio.run(later.unfinished("general", "p1", "Practitioner/d1"))
    assert (left.decision.key, left.write) == (KEY, "pending")
    assert asyncio.run(later.hold(KEY)) == Draft("p1", "{}", "{}")
    asyncio.run(later.wrote(KEY, ("DetectedIssue/1",)))
    assert asyncio.run(later.unfinished("general", "p1", "Practitioner/d1")) == ()
    assert asyncio.run(later.hold(KEY)) is None


def test_what_is_left_is_told_of_one_person_and_one_patient_alone(decisions: Decisions, decide: Decide, draft: Draft) -> None:
    asyncio.run(decisions.take(decide(), draft))
    asyncio.run(decisions.failed(KEY, "deadline_passed"))
    for ehr, patient, by in (
        ("other", "p1", "Practitioner/d1"),
        ("general", "p2", "Practitioner/d1"),
        ("general", "p1", "Practitioner/d2"),
    ):
        assert asyncio.run(decisions.unfinished(ehr, patient, by)) == ()
    assert len(asyncio.run(decisions.unfinished("general", "p1", "Practitioner/d1"))) == 1


def test_two_processes_may_make_the_store_at_once(path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        f"from pathlib import Path; from sidenote.decisions.store import Decisions; Decisions(Path({str(path)!r}))",
    ]
    made = [subprocess.Popen(command) for _ in range(3)]
    assert [one.wait(60) for one in made] == [0, 0, 0]
    assert oct(os.stat(path).st_mode & 0o777) == "0o600"


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from sidenote.decisions.decision import Decision
from sidenote.decisions.errors import DecisionsUnusable
from sidenote.decisions.store import Decisions

decisions = Decisions(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
taken = 0
try:
    while taken < 1_000:
        asyncio.run(decisions.take(Decision("general", "r-1", f"C{taken}", "approve", "x" * 4_000, "", "", "", "", "", "")))
        taken += 1
except DecisionsUnusable as error:
    print(taken, error.retryable)
"""


@pytest.mark.fault(93)
def test_on_a_full_disk_nothing_is_decided_and_nothing_that_was_is_lost(path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True).stdout
    taken, retryable = told.split()
    assert (int(taken) > 0, retryable) == (True, "True"), told
    assert len(asyncio.run(Decisions(path).of_review("general", "r-1"))) == int(taken)
