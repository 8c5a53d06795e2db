"""A file stands whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir.bulk.whole import whole


@pytest.mark.fault(102)
def test_a_file_stands_whole_or_not_at_all_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"before")

    def broken() -> None:
        with whole(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.ndjson", b"before")]
    with whole(path) as file:
        file.write(b"after")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"after", 0o600)
    with whole(path) as file:
        pass
    assert list(tmp_path.iterdir()) == []
