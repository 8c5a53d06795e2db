"""What the operating system says against an output becomes a refusal with its reason and without its name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sidenote.errors import OutputFailed, writing


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EISDIR])
def test_says_the_reason_and_neither_file_nor_patient(number: int) -> None:
    with pytest.raises(OutputFailed) as failed, writing():
        raise OSError(number, os.strerror(number), "reports/lindqvist.html")
    assert os.strerror(number) in str(failed.value)
    assert "lindqvist" not in str(failed.value)
    assert isinstance(failed.value.__cause__, OSError)


def test_a_real_file_that_cannot_be_opened_is_told_the_same_way(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="Is a directory"), writing():
        tmp_path.write_text("review")


def test_an_error_without_a_reason_is_told_by_its_kind() -> None:
    with pytest.raises(OutputFailed, match="TimeoutError"), writing():
        raise TimeoutError


@pytest.mark.parametrize("defect", [ValueError("x"), KeyError("x"), AssertionError("x")], ids=lambda defect: type(defect).__name__)
def test_a_defect_is_no_failed_output(defect: Exception) -> None:
    with pytest.raises(type(defect)), writing():
        raise defect


def test_what_was_written_is_left_alone() -> None:
    with writing():
        done = True
    assert done
