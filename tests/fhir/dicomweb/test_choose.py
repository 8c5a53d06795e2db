"""Which instances are fetched: pictures alone, a bounded number, the same ones every time, and what is left out is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.dicomweb.choose import Candidate, choose, no_picture
from fhir.study import ImageSource, Instance

DX, CT, SR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.22"


def candidate(series: int, number: int, modality: str | None = "DX", sop_class: str | None = DX) -> Candidate:
    held = Instance("https://pacs", "1.2", f"1.2.{series}", f"1.2.{series}.{number}", sop_class)
    return Candidate(ImageSource("ImagingStudy/s", "application/dicom", instance=held), modality)


def chosen(candidates: list[Candidate], most: int) -> tuple[list[str], tuple[str, ...]]:
    images, notes = choose(candidates, most)
    return [image.instance.instance_uid.removeprefix("1.2.") for image in images if image.instance], notes


def test_of_a_radiograph_every_view_is_taken() -> None:
    assert chosen([candidate(1, 1), candidate(2, 1)], 4) == (["1.1", "2.1"], ())


def test_of_more_views_than_are_taken_each_series_has_its_turn() -> None:
    candidates = [candidate(series, number) for series, many in ((1, 5), (2, 1), (3, 2)) for number in range(1, many + 1)]
    uids, notes = chosen(candidates, 4)
    assert uids == ["1.1", "1.2", "2.1", "3.1"]
    assert notes == ("4 of 8 images were not looked at; 4 were",)


def test_of_slices_evenly_spaced_ones_of_the_largest_series_are_taken() -> None:
    candidates = [candidate(series, number, "CT", CT) for series, many in ((1, 2), (2, 100)) for number in range(many)]
    uids, notes = chosen(candidates, 4)
    assert uids == ["2.12", "2.37", "2.62", "2.87"]
    assert notes == ("98 of 102 images were not looked at; 4 were, evenly spaced over the largest of 2 series",)


@pytest.mark.parametrize(
    ("sop_class", "modality", "kind"),
    [
        (DX, "DX", None),
        (CT, "CT", None),
        ("1.2.840.10008.5.1.4.1.1.2.1", "CT", None),
        ("1.2.840.10008.5.1.4.1.1.7.3", "OT", None),
        ("1.2.840.10008.5.1.4.1.1.481.1", "RTIMAGE", None),
        ("1.2.840.10008.5.1.4.1.1.481.10", "RTIMAGE", "radiotherapy object"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "radiotherapy object"),
        (SR, "SR", "structured report or key object selection"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO", "structured report or key object selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "encapsulated document"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "raw data, registration or segmentation"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "waveform"),
        ("1.2.840.10008.5.1.4.1.1.77.1.1", "ES", None),
        ("1.2.840.10008.5.1.4.1.1.77.1.1.1", "ES", "video"),
        (None, "SR", "object without a picture"),
        (None, "DX", None),
        (None, None, None),
        ("1.3.46.670589.5.0.3", "MR", None),
    ],
)
def test_what_holds_no_picture_is_known_by_its_sop_class_or_modality(sop_class: str | None, modality: str | None, kind: str | None) -> None:
    assert no_picture(sop_class, modality) == kind


@pytest.mark.fault(56)
def test_objects_without_a_picture_are_left_out_and_counted() -> None:
    pdf = "1.2.840.10008.5.1.4.1.1.104.1"
    candidates = [candidate(1, 1), candidate(2, 1, "SR", SR), candidate(2, 2, "SR", SR), candidate(3, 1, "DOC", pdf)]
    uids, notes = chosen(candidates, 4)
    assert uids == ["1.1"]
    assert notes == (
        "1 of the study's objects left out, no picture: encapsulated document",
        "2 of the study's objects left out, no picture: structured report or key object selection",
    )
    assert chosen(candidates[1:], 4)[0] == []


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["CT", "DX", "SR"])), max_size=40), st.integers(1, 6))
def test_at_most_so_many_in_their_order_none_twice_and_all_accounted_for(what: list[tuple[int, str]], most: int) -> None:
    candidates = [candidate(series, number, modality, None) for number, (series, modality) in enumerate(what)]
    uids, notes = chosen(candidates, most)
    order = [one.image.instance.instance_uid.removeprefix("1.2.") for one in candidates if one.image.instance]
    pictures = sum(modality != "SR" for _, modality in what)
    assert len(set(uids)) == len(uids) <= min(most, pictures)
    assert (pictures > 0) <= (len(uids) > 0)
    left_out = [note for note in notes if "were not looked at" in note]
    assert bool(left_out) is (pictures > len(uids))
    if "evenly" in "".join(notes):
        assert uids == [uid for uid in order if uid in uids]
