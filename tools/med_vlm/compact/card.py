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
    reliability: tuple[tuple[float, float, int], ...] = ()
    """(mean predicted, share observed, images) of each tenth of the probabilities that holds any."""
    risk_coverage: tuple[tuple[float, float], ...] = ()
    """(share answered, share wrong of these), the surest answers first."""
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
    """With an interval by patient, where patients are told apart."""
    patients: int | None = None


class ViewMeasured(Frozen):
    """How often the view of the radiographs of one set was named rightly, computed as if the model had not abstained."""

    images: str
    accuracy: Estimate


class Admission(Frozen):
    """Whether the model may read a domain, by measurement on patients that did not train it."""

    domain: str
    macro: Estimate
    """Mean AUROC over the findings that can be measured; `positives` counts these, `total` the patients."""
    wanted: float
    """What the lower end of the interval has to reach."""
    admitted: bool


class DraftingMeasured(Frozen):
    """How well the sentences drafted for held-out phantoms fit them."""

    bank: int
    """Sentences to choose from."""
    drafted: int
    """Sentences chosen."""
    agreeing: Estimate
    """Share of them whose every finding, with its side, is so in truth."""
    micro_f1: float
    """Of the present findings the drafts state against the truth, over all images that were read."""
    random_f1: float
    """The same for the report of a random training phantom."""
    covered: float
    """Share of the findings called present for which a sentence was found."""
    total: int
    """Images that were read."""


class Training(Frozen):
    """What the model was made from and how."""

    data: str
    train: int
    held_out: int
    calibration: int
    test: int
    radiographs: dict[str, int] = {}
    """How many radiographs trained, calibrated and tested, in this order of sets."""
    patients: dict[str, int] = {}
    """And of how many patients."""
    credits: tuple[str, ...] = ()
    """The sets of the radiographs that trained, with licence, attribution and source."""
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
    external_views: tuple[ViewMeasured, ...] = ()
    admissions: tuple[Admission, ...] = ()
    drafting: DraftingMeasured | None = None
    attributes: dict[str, str]
    """The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B); what is not known says so."""


NOT_AVAILABLE = "not available"

CAUTIONS = (
    "Demonstrator for research use only. Not a medical device, not cleared or approved by anyone, never for time-critical decisions.",
    "Trained on drawn phantoms and, where the training says so, on a few hundred radiographs of patients, most of them at 28 or 64 pixels."
    " Figures on phantoms say nothing about patients.",
    "Radiographs of patients are read only where this card says that they were admitted. Otherwise the model is meant to abstain on them,"
    " as on anything unlike the phantoms; the card lists what it refused and what not.",
    "Conformal coverage holds for images like the calibration images at their mix of findings, and for no others.",
    "Drafted sentences are quotations from reports of phantoms, kept because they agree with what the heads say. They can be no better.",
    "Frontal views only. A finding outside its ten heads is never seen; size, lobe and change are never judged.",
)

ATTRIBUTES: dict[str, str] = {
    "developer_name_and_contact": "The Sidenote project; contact through its public issue tracker.",
    "funding_source": NOT_AVAILABLE,
    "output_value": "Per finding present, absent or uncertain, a probability, a region where measured to work; sentences; or an"
    " abstention.",
    "output_type": "Classification of one image; a demonstrator.",
    "intended_use": "Proving the path from image to cited statement in software tests, demonstrations and research.",
    "intended_patient_population": "None. Phantoms drawn by the project; radiographs of patients only where this card admits them.",
    "intended_users": "Developers and researchers.",
    "intended_decision_making_role": "Informs; replaces nothing.",
    "out_of_scope_use": "Any decision about a patient; lateral views; other body parts or modalities; photographs and thumbnails.",
    "known_risks_and_limitations": "May answer confidently and wrongly on radiographs of patients that its gates do not refuse; its"
    " sentences repeat its errors.",
    "training_inclusion_exclusion_criteria": "Numbered phantoms of the project's generator; frontal CR and DX images of an openly"
    " licensed index, six in ten patients, none under a non-commercial licence.",
    "use_of_demographic_inputs": "None as input; age, sex and habitus vary in the drawn anatomy. The radiographs are of adults, and of"
    " children in one set.",
    "demographic_representativeness": "Unknown: phantoms are drawn, and the sets of radiographs say little of their patients; race,"
    " ethnicity, language and social determinants are not represented.",
    "relevance_to_deployed_setting": "None shown.",
    "fairness_approach": NOT_AVAILABLE,
    "bias_management": NOT_AVAILABLE,
    "external_validation_data": "Openly licensed radiographs of patients who neither trained nor calibrated the model, computed as if the"
    " model had not abstained.",
    "external_validation_party": "The project itself; nobody independent.",
    "external_validation_representativeness": "Small convenience sets at low resolution, labels mined from text or by class; not"
    " representative.",
    "external_validation_process": "AUROC with intervals that resample patients, the view, and the share refused.",
    "validity_same_source": "AUROC, reliability, risk and coverage, localisation and drafting on held-out phantoms, in this card.",
    "fairness_same_source": NOT_AVAILABLE,
    "validity_external": "In this card, whatever it is; whether it admits radiographs was decided on calibration patients beforehand.",
    "fairness_external": NOT_AVAILABLE,
    "outcome_evaluation_references": NOT_AVAILABLE,
    "validity_monitoring": NOT_AVAILABLE,
    "local_validity_monitoring": NOT_AVAILABLE,
    "fairness_monitoring": NOT_AVAILABLE,
    "local_fairness_monitoring": NOT_AVAILABLE,
    "update_process_and_frequency": "Trained again when the phantoms, the radiographs or the network change; no fixed frequency.",
    "correction_frequency": NOT_AVAILABLE,
}
"""One entry for each of the 31 attributes, in the order of the rule (output, purpose, cautioned use, development,
fairness, external validation, measures, maintenance, update)."""
