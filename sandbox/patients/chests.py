"""Stories about what the radiograph shows: emergencies, heart failure, pneumonia, and a clear chest."""

from __future__ import annotations

from sandbox.patients import vocabulary as v
from sandbox.patients.builder import Chart
from sandbox.patients.story import Expected, Person, Story
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, Subject


def tension_pneumothorax() -> Story:
    """A left tension pneumothorax that the preliminary report does not mention."""
    chart = Chart(Person("tension-ptx", "SPH-004301", "Larsen", "Erik", "1999-05-16", "male"))
    chart.encounter("Sudden breathlessness after chest trauma", days=0.05, kind="EMER", finished=False)
    chart.vital(v.HEART_RATE, 128, "/min", days=0.04)
    chart.vital(v.OXYGEN, 84, "%", days=0.04)
    chart.vital(v.SYSTOLIC, 88, "mm[Hg]", days=0.04)
    order = chart.order("Chest radiograph, portable", days=0.045, reason="Breathlessness after trauma")
    subject = Subject(27, "male", "slim", 4301)
    drawn = (DrawnFinding("tension_pneumothorax", side="left", size="large"),)
    chart.radiograph(
        PhantomSpec(subject, drawn, "AP", 4301),
        reported_as=PhantomSpec(subject, (), "AP", 4301),
        report_status="preliminary",
        days=0.03,
        order=order,
    )
    expected = Expected(
        "needs_review",
        frozenset({"E01"}),
        says=("left tension pneumothorax", "do not wait for this tool"),
        reads=(("tension_pneumothorax", "left"),),
    )
    return chart.story("Left tension pneumothorax, preliminary report negative", expected)


def heart_failure_with_effusion() -> Story:
    """Heart failure with an enlarged heart, oedema and a right effusion; a prior without them."""
    chart = Chart(Person("heart-failure", "SPH-004302", "Rossi", "Giulia", "1944-11-02", "female"))
    chart.encounter("Breathlessness, leg swelling", days=1, kind="IMP", finished=False)
    chart.problem(v.HEART_FAILURE, since="2021-05-28")
    chart.problem(v.HYPERTENSION, since="2001-01-01")
    chart.lab(v.NT_PROBNP, 6840, "pg/mL", days=0.9)
    chart.lab(v.NT_PROBNP, 1210, "pg/mL", days=190)
    chart.lab(v.CREATININE, 1.12, "mg/dL", days=0.9)
    chart.lab(v.EGFR, 51, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=0.9)
    chart.vital(v.OXYGEN, 91, "%", days=0.9)
    chart.medication(v.FUROSEMIDE, "40 mg twice daily", since="2021-06-10")
    chart.medication(v.BISOPROLOL, "5 mg once daily", since="2021-06-10")
    subject = Subject(82, "female", "average", 4302)
    before = PhantomSpec(subject, (DrawnFinding("cardiomegaly"),), "PA", 43020)
    effusion = DrawnFinding("pleural_effusion", side="right", size="moderate")
    now = PhantomSpec(subject, (DrawnFinding("cardiomegaly"), DrawnFinding("pulmonary_edema"), effusion), "PA", 4302)
    chart.radiograph(before, days=190)
    chart.radiograph(now, days=0.8, prior=before)
    expected = Expected(
        "presented",
        frozenset(),
        says=("right pleural effusion", "heart failure"),
        reads=(("pleural_effusion", "right"), ("cardiomegaly", None)),
    )
    return chart.story("Heart failure with a right pleural effusion", expected)


def pneumonia_with_prior() -> Story:
    """A new consolidation of the right lower lobe; the radiograph three months before was clear."""
    chart = Chart(Person("pneumonia-prior", "SPH-004303", "Nguyen", "Thanh", "1968-03-09", "male"))
    chart.encounter("Fever and cough", days=0.6, kind="EMER")
    chart.lab(v.CRP, 164, "mg/L", days=0.5)
    chart.lab(v.LEUKOCYTES, 16.8, "10*3/uL", days=0.5)
    chart.vital(v.TEMPERATURE, 38.9, "Cel", days=0.5)
    chart.vital(v.OXYGEN, 93, "%", days=0.5)
    chart.medication(v.AMOXICILLIN, "1 g three times daily", since="2026-11-19")
    subject = Subject(58, "male", "average", 4303)
    before = PhantomSpec(subject, (), "PA", 43030)
    now = PhantomSpec(subject, (DrawnFinding("consolidation", side="right", size="moderate", lobe="right lower"),), "PA", 4303)
    chart.radiograph(before, days=92)
    chart.radiograph(now, days=0.5, prior=before)
    expected = Expected("presented", frozenset(), says=("right", "consolidation", "follow-up"), reads=(("consolidation", "right"),))
    return chart.story("New right lower lobe consolidation, prior clear", expected)


def child() -> Story:
    """A child: outside the population of the image model."""
    chart = Chart(Person("child", "SPH-004304", "Bauer", "Mia", "2019-02-17", "female"))
    chart.encounter("Cough and fever", days=0.3, kind="EMER")
    chart.problem(v.ASTHMA, since="2023-09-01")
    chart.vital(v.TEMPERATURE, 38.4, "Cel", days=0.3)
    chart.medication(v.SALBUTAMOL, "2 puffs when needed", since="2023-09-01")
    shown = (DrawnFinding("consolidation", side="left", size="small", lobe="left lower"),)
    chart.radiograph(PhantomSpec(Subject(7, "female", "slim", 4304), shown, "PA", 4304), days=0.2)
    expected = Expected("needs_review", frozenset({"S01"}), never=("image model reads",))
    return chart.story("A child with cough and fever", expected)


def unremarkable() -> Story:
    """Nothing to find: the review says so briefly, and says what it looked at."""
    chart = Chart(Person("unremarkable", "SPH-004305", "Andersson", "Nils", "1985-06-12", "male"))
    chart.encounter("Pre-employment examination", days=1)
    chart.lab(v.HAEMOGLOBIN, 14.8, "g/dL", days=1)
    chart.lab(v.EGFR, 101, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=1)
    chart.radiograph(PhantomSpec(Subject(41, "male", "average", 4305), (), "PA", 4305), days=1)
    expected = Expected("presented", frozenset(), never=("tension", "effusion is present"))
    return chart.story("An unremarkable chest", expected)
