"""What a model card says, as plain rows: the same words on the terminal and in the sidebar, cautions first."""

from __future__ import annotations

from collections.abc import Mapping

from fhir.codes import FINDING
from tools.med_vlm.compact.card import Card, Estimate, FindingMeasured, Retrieval
from tools.med_vlm.site_card import SiteCard

Rows = tuple[tuple[str, str], ...]
_PURPOSE = {"train": "train", "calibration": "calibrate", "test": "test"}
ATTRIBUTES_TITLE = "Source attributes (45 CFR 170.315(b)(11)(iv)(B))"
FINDING_COLUMNS = ("finding", "AUROC (95 %)", "cal. error", "covered", "decided", "side", "points (chance)", "region")
NOTHING_ELSEWHERE = "Not measured on real radiographs."
ELSEWHERE_TITLE = "On real radiographs, as if it had not abstained"
_GROUPS: tuple[tuple[str, str], ...] = (
    ("Who made it and what it puts out", "developer_name_and_contact"),
    ("What it is for", "intended_use"),
    ("Where not to use it", "out_of_scope_use"),
    ("How it was made", "training_inclusion_exclusion_criteria"),
    ("Fairness", "fairness_approach"),
    ("How it was tried elsewhere", "external_validation_data"),
    ("How good it is", "validity_same_source"),
    ("How it is kept", "validity_monitoring"),
    ("How it changes", "update_process_and_frequency"),
)
"""The groups of source attributes of 45 CFR 170.315(b)(11)(iv)(B)(1) to (9), each by its first attribute, in the card's order."""


def card_sections(card: Card) -> tuple[tuple[str, Rows], ...]:
    """The card for a narrow page: (title, rows of name and value), cautions first, then the source attributes, then what was measured."""
    return (
        ("Read this first", tuple((str(number), caution) for number, caution in enumerate(card.cautions, start=1))),
        *_attribute_sections(card.attributes),
        ("Making", made_rows(card)),
        ("On held-out phantoms", tuple((row[0], _told(row)) for row in map(finding_row, card.findings))),
        (ELSEWHERE_TITLE, _elsewhere(card)),
        ("Refused to read", tuple((name, f"{number} ({share})") for name, number, share in refusal_rows(card))),
    )


def site_card_sections(card: SiteCard) -> tuple[tuple[str, Rows], ...]:
    """The card of a model that the site brought, for a narrow page."""
    cautions = tuple((str(number), caution) for number, caution in enumerate(card.cautions, start=1))
    return (("Read this first", cautions), *_attribute_sections(card.attributes))


def attribute_rows(card: Card) -> Rows:
    """Every source attribute in the order of the rule."""
    return named_attributes(card.attributes)


def named_attributes(attributes: Mapping[str, str]) -> Rows:
    """Source attributes by name in words, in the order of the rule."""
    return tuple((name.replace("_", " "), text) for name, text in attributes.items())


def made_rows(card: Card) -> Rows:
    """On what and how it was made."""
    made = card.training
    return (
        ("data", made.data),
        ("examples", f"{made.train} to train, {made.held_out} to choose the epoch, {made.calibration} to calibrate, {made.test} to test"),
        *_radiographs(card),
        ("training", f"{made.pixels} pixels, epoch {made.best_epoch} of {made.epochs}, {made.minutes} minutes, seed {made.seed}"),
        ("command", made.command),
        *(("remark", text) for text in made.remarks),
        ("view", f"{shown(card.view_accuracy)} named rightly"),
        ("retrieval", _retrieval(card.retrieval)),
        *_drafting(card),
        *_admissions(card),
        *_views(card),
        *(("credit", text) for text in made.credits),
    )


def _views(card: Card) -> Rows:
    return tuple((f"view of {one.images}", f"{shown(one.accuracy)} named rightly") for one in card.external_views)


def _radiographs(card: Card) -> Rows:
    images, patients = card.training.radiographs, card.training.patients
    if not images:
        return ()
    told = ", ".join(f"{count} of {patients.get(part, 0)} patients to {_PURPOSE.get(part, part)}" for part, count in images.items())
    return (("radiographs", told),)


def _drafting(card: Card) -> Rows:
    found = card.drafting
    if found is None:
        return ()
    words = (
        f"{found.drafted} sentences drafted for {found.total} phantoms from {found.bank}: {shown(found.agreeing)} agree with the truth; "
        f"findings stated, micro F1 {found.micro_f1:.2f} (a random report's {found.random_f1:.2f})"
    )
    return (("drafting", words),)


def _admissions(card: Card) -> Rows:
    return tuple(
        (
            f"{one.domain}s",
            f"{'read' if one.admitted else 'NOT READ: it abstains'}; mean AUROC on {one.macro.total} patients who did not train it "
            f"{shown(one.macro)}, and the lower end would have to reach {one.wanted:.2f}",
        )
        for one in card.admissions
    )


def finding_row(one: FindingMeasured) -> tuple[str, ...]:
    """A finding's figures, in the order of `FINDING_COLUMNS`."""
    side = _share(None if one.side_accuracy is None else one.side_accuracy.value)
    points = f"{_share(one.pointing.value)} ({_share(one.pointing_chance)})"
    return (
        FINDING[one.key].display,
        shown(one.auroc),
        f"{one.calibration_error:.3f}",
        _share(one.coverage),
        _share(one.decided),
        side,
        points,
        "shown" if one.localised else "withheld",
    )


def elsewhere_rows(card: Card) -> tuple[tuple[str, ...], ...]:
    """Images, their label, our finding, AUROC and carriers on real radiographs."""
    return tuple(
        (one.images, one.labelled, FINDING[one.finding].display, shown(one.auroc), f"{one.auroc.positives} of {one.auroc.total}")
        for one in card.external
    )


def refusal_rows(card: Card) -> tuple[tuple[str, str, str], ...]:
    """Images, how many were refused of how many, and their share."""
    return tuple((one.images, f"{one.refused} of {one.total}", f"{one.refused / max(1, one.total):.3f}") for one in card.refusals)


def shown(value: Estimate | None) -> str:
    """An estimate with its interval, or a dash."""
    if value is None or value.value is None:
        return "–"
    return f"{value.value:.3f} ({value.low:.2f}–{value.high:.2f})"


def _attribute_sections(attributes: Mapping[str, str]) -> tuple[tuple[str, Rows], ...]:
    """Every attribute under the group that it follows the first of."""
    starts = {first: title for title, first in _GROUPS}
    grouped: list[tuple[str, list[tuple[str, str]]]] = []
    for key, (name, text) in zip(attributes, named_attributes(attributes), strict=True):
        if key in starts or not grouped:
            grouped.append((starts.get(key, ATTRIBUTES_TITLE), []))
        grouped[-1][1].append((name, text))
    return tuple((title, tuple(rows)) for title, rows in grouped)


def _elsewhere(card: Card) -> Rows:
    rows = elsewhere_rows(card)
    told = tuple((f"{ours} in {images}", f"AUROC {auroc}, {carriers} carry {label}") for images, label, ours, auroc, carriers in rows)
    return told or (("real radiographs", NOTHING_ELSEWHERE),)


def _told(row: tuple[str, ...]) -> str:
    return " · ".join(f"{name} {value}" for name, value in zip(FINDING_COLUMNS[1:], row[1:], strict=True))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _retrieval(found: Retrieval) -> str:
    return (
        f"a report of the same meaning is first for {found.first:.2f} of {found.total} images "
        f"(chance {found.chance_first:.2f}), among the first ten for {found.first_ten:.2f}"
    )
