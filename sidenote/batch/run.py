"""Running a batch: a few worker processes, one parent that owns the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from sidenote.batch.cohort import Case
from sidenote.batch.ledger import MOST_ATTEMPTS, Ledger
from sidenote.batch.worker import Job, work

RESULTS = "results.jsonl"
EXPORT_EVERY = 25
"""Results between two exports of the JSONL file: what a reader sees while the batch runs."""

_CONTEXT = get_context("spawn")

Listener = Callable[[dict[str, Any]], None]


def run(ledger: Ledger, job: Job, workers: int, on_result: Listener) -> None:
    """Work off every open case of `ledger`, then write the results. Interrupted, it leaves a ledger to resume from."""
    shift = _Shift(ledger, job, on_result)
    shift.set_aside_broken_rows()
    try:
        shift.work_off(workers)
    finally:
        shift.dismiss()
        ledger.export(job.folder / RESULTS)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    case: Case | None = None


@dataclass
class _Shift:
    """The workers of one call of `run` and the cases still waiting."""

    ledger: Ledger
    job: Job
    on_result: Listener
    waiting: deque[Case] = field(default_factory=deque)
    crew: list[_Worker] = field(default_factory=list)

    def set_aside_broken_rows(self) -> None:
        for case in self.ledger.open_cases():
            if case.problem is None:
                self.waiting.append(case)
            else:
                self.finish(case, _set_aside(case, "cohort_row_invalid", case.problem))

    def work_off(self, workers: int) -> None:
        for _ in range(min(workers, len(self.waiting))):
            self.crew.append(self.hire())
            self.give(self.crew[-1])
        while busy := [worker for worker in self.crew if worker.case]:
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe in ready:
                    self.collect(worker)

    def hire(self) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=work, args=(theirs, self.job), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(self, worker: _Worker) -> None:
        """Hand the next case to `worker`; one that took its workers down too often is set aside instead."""
        worker.case = None
        while self.waiting:
            case = self.waiting.popleft()
            if self.ledger.admit(case) > MOST_ATTEMPTS:
                self.finish(case, _set_aside(case, "case_crashes", f"a worker ended {MOST_ATTEMPTS} times on this case"))
                continue
            worker.case = case
            worker.pipe.send(case)
            return

    def collect(self, worker: _Worker) -> None:
        """Take a result. Where the worker died instead, its case waits again and another worker is hired."""
        case = worker.case
        if case is None:
            return
        try:
            self.finish(case, worker.pipe.recv())
        except (EOFError, ConnectionResetError):
            _dismiss(worker)
            self.waiting.append(case)
            self.crew[self.crew.index(worker)] = worker = self.hire()
        self.give(worker)

    def finish(self, case: Case, result: dict[str, Any]) -> None:
        self.ledger.finish(case, result)
        self.on_result(result)
        if self.ledger.progress.finished % EXPORT_EVERY == 0:
            self.ledger.export(self.job.folder / RESULTS)

    def dismiss(self) -> None:
        for worker in self.crew:
            _dismiss(worker)


def _dismiss(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(timeout=10)
    if worker.process.is_alive():
        worker.process.kill()


def _set_aside(case: Case, code: str, detail: str) -> dict[str, Any]:
    document = {"code": code, "detail": detail, "case_id": case.patient or f"row {case.row}", "retryable": False}
    return {"row": case.row, "patient": case.patient, "study": case.study, "status": "refused", "problem": document}
