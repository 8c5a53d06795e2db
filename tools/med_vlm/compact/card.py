"""The card of the compact model: what it is, on what it was made and measured, and what must not be believed of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of the card's records: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Frozen):
    """A measured value with its 95 % interval; None where the data do not allow one."""

    value: float | None
    low: float | None = None
    high: float | None = None
    positives: int = 0
    total: int = 0


class FileEntry(Frozen):
    """One file of the model."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int


class FindingMeasured(Frozen):
    """How well one finding was read on the held-out phantoms (frontal views, nothing left out for abstention)."""

    key: str
    auroc: Estimate
    calibration_error: float
    coverage: float
    """Share of images whose conformal answer holds the truth; an uncertain answer holds it."""
    decided: float
    """Share of images answered present or absent."""
    sensitivity: float | None
    """Of the carriers that were decided, the share called present."""
    specificity: float | None
    side_accuracy: Estimate | None
    """Over the carriers that were not called absent; no side given counts as wrong."""
    pointing: Estimate
    """The strongest cell of the map touches the mask."""
    pointing_chance: float | None
    localised: bool
    """Whether readings show a region and a heat map for this finding."""


class Refusals(Frozen):
    """Of how many images of one kind the model refused to speak."""

    images: str
    refused: int
    total: int


class ExternalMeasured(Frozen):
    """One finding on one set of real radiographs, computed as if the model had not abstained."""

    images: str
    finding: str
    labelled: str
    """The set's own label that stands for the finding."""
    auroc: Estimate


class Training(Frozen):
    """What the model was made from and how."""

    data: str
    train: int
    held_out: int
    calibration: int
    test: int
    pixels: int
    epochs: int
    best_epoch: int
    parameters: int
    seed: int
    minutes: float
    command: str
    versions: dict[str, str]
    remarks: tuple[str, ...] = ()
    """What the command alone does not say about how these weights came about."""


class Retrieval(Frozen):
    """Image to report among the held-out phantoms: share whose first (first ten) reports mean the same, and by chance."""

    first: float
    first_ten: float
    chance_first: float
    total: int


class Card(Frozen):
    """The machine-readable card, `card.json`."""

    name: str
    version: str
    licence: str
    summary: str
    intended_use: str
    cautions: tuple[str, ...]
    files: dict[str, FileEntry]
    training: Training
    findings: tuple[FindingMeasured, ...]
    view_accuracy: Estimate
    retrieval: Retrieval
    refusals: tuple[Refusals, ...]
    external: tuple[ExternalMeasured, ...]
    attributes: dict[str, str]
    """The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B); what is not known says so."""


NOT_AVAILABLE = "not available"

CAUTIONS = (
    "Demonstrator for research use only. Not a medical device, not cleared or approved by anyone, never for time-critical decisions.",
    "Trained on drawn phantoms alone. It has learnt nothing of real radiographs; figures on phantoms say nothing about patients.",
    "On images unlike the phantoms, real radiographs among them, it is meant to abstain; this card lists what it refused and what not.",
    "Conformal coverage holds for images like the calibration phantoms at their mix of findings, and for no others.",
    "Frontal views only. A finding outside its ten heads is never seen.",
)

ATTRIBUTES: dict[str, str] = {
    "developer_name_and_contact": "The Sidenote project; contact through its public issue tracker.",
    "funding_source": NOT_AVAILABLE,
    "output_value": "Per finding present, absent or uncertain, a probability, a region where measured to work; or an abstention.",
    "output_type": "Classification of one image; a demonstrator.",
    "intended_use": "Proving the path from image to cited statement in software tests, demonstrations and research.",
    "intended_patient_population": "None. Phantoms drawn by the project.",
    "intended_users": "Developers and researchers.",
    "intended_decision_making_role": "Informs; replaces nothing.",
    "out_of_scope_use": "Any decision about a patient; lateral views; other body parts or modalities; photographs and thumbnails.",
    "known_risks_and_limitations": "May answer confidently and wrongly on real radiographs that its gate does not refuse.",
    "training_inclusion_exclusion_criteria": "Numbered phantoms of the project's generator; no exclusion.",
    "use_of_demographic_inputs": "None as input; age, sex and habitus vary in the drawn anatomy.",
    "demographic_representativeness": "None: phantoms are drawn; race, ethnicity, language and social determinants are not represented.",
    "relevance_to_deployed_setting": "None shown.",
    "fairness_approach": NOT_AVAILABLE,
    "bias_management": NOT_AVAILABLE,
    "external_validation_data": "Openly licensed radiographs where the card lists them, computed as if the model had not abstained.",
    "external_validation_party": "The project itself; nobody independent.",
    "external_validation_representativeness": "Small convenience sets at low resolution; not representative.",
    "external_validation_process": "AUROC with bootstrap intervals, and the share refused.",
    "validity_same_source": "AUROC, calibration, coverage and localisation on held-out phantoms, in this card.",
    "fairness_same_source": NOT_AVAILABLE,
    "validity_external": "In this card, whatever it is.",
    "fairness_external": NOT_AVAILABLE,
    "outcome_evaluation_references": NOT_AVAILABLE,
    "validity_monitoring": NOT_AVAILABLE,
    "local_validity_monitoring": NOT_AVAILABLE,
    "fairness_monitoring": NOT_AVAILABLE,
    "local_fairness_monitoring": NOT_AVAILABLE,
    "update_process_and_frequency": "Trained again when the phantoms or the network change; no fixed frequency.",
    "correction_frequency": NOT_AVAILABLE,
}
"""One entry for each of the 31 attributes, in the order of the rule (output, purpose, cautioned use, development,
fairness, external validation, measures, maintenance, update)."""
