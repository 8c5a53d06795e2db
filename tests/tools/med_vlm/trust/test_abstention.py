"""A reading that says nothing."""

from __future__ import annotations

from tools.med_vlm.doubles.fake import SeededReader
from tools.med_vlm.reading import Reading
from tools.med_vlm.trust.abstention import abstention


def test_it_names_the_model_and_the_reason_and_says_nothing_else() -> None:
    reader = SeededReader()
    reading = abstention(reader, "the image is too small", ood_score=2.0, ood_threshold=1.0, calibrated=True)
    assert (reading.model, reading.fingerprint) == (reader.name, reader.fingerprint)
    assert (reading.abstained, reading.reason) == (True, "the image is too small")
    assert (reading.ood_score, reading.ood_threshold, reading.calibrated) == (2.0, 1.0, True)
    assert (reading.findings, reading.narrative, reading.notes) == ((), (), ())
    assert Reading.model_validate_json(reading.model_dump_json()) == reading
