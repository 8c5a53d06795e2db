"""Stories about procedures and scanners: bleeding risk before a biopsy, pregnancy and pelvic CT, MRI and a pacemaker."""

from __future__ import annotations

from sandbox.patients import vocabulary as v
from sandbox.patients.builder import Chart
from sandbox.patients.story import Expected, Person, Story
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, Subject

LIVER_BIOPSY = "Ultrasound guided biopsy of liver"
LUNG_BIOPSY = "CT guided biopsy of lung"


def apixaban_before_biopsy() -> Story:
    """An anticoagulant that is still active, and a biopsy on order."""
    chart = Chart(Person("apixaban-biopsy", "SPH-004201", "Nakamura", "Kenji", "1952-02-11", "male"))
    chart.encounter("Work-up of a lung nodule", days=2)
    chart.problem(v.ATRIAL_FIBRILLATION, since="2020-09-17")
    chart.problem(v.COPD, since="2014-01-30")
    chart.lab(v.PLATELETS, 212, "10*3/uL", days=4)
    chart.lab(v.INR, 1.1, "", days=4, ucum="{INR}")
    chart.lab(v.EGFR, 68, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=4)
    chart.medication(v.APIXABAN, "5 mg twice daily", since="2020-10-01")
    chart.medication(v.BISOPROLOL, "2.5 mg once daily", since="2020-10-01")
    chart.order(LUNG_BIOPSY, days=1, reason="Nodule of the right upper zone")
    nodule = DrawnFinding("nodule", side="right", zone="upper", diameter_mm=24)
    chart.radiograph(PhantomSpec(Subject(74, "male", "slim", 4201), (nodule,), "PA", 4201), days=3)
    expected = Expected("needs_review", frozenset({"P04"}), says=("apixaban",), never=("stop apixaban now",))
    return chart.story("Apixaban still active before a lung biopsy", expected)


def platelets_40_before_biopsy() -> Story:
    """Platelets of 40 before a liver biopsy."""
    chart = Chart(Person("platelets-biopsy", "SPH-004202", "Silva", "Beatriz", "1966-07-23", "female"))
    chart.encounter("Elective biopsy planning", days=1)
    chart.problem(v.CIRRHOSIS, since="2018-03-03")
    for days, count in ((3, 40), (60, 58), (200, 71)):
        chart.lab(v.PLATELETS, count, "10*3/uL", days=days)
    chart.lab(v.INR, 1.4, "", days=3, ucum="{INR}")
    chart.order(LIVER_BIOPSY, days=1, reason="Staging of fibrosis")
    expected = Expected("needs_review", frozenset({"P02"}), says=("platelets is 40",))
    return chart.story("Platelets 40 before a liver biopsy", expected)


def inr_before_biopsy() -> Story:
    """Warfarin and an INR of 2.6 before a lung biopsy."""
    chart = Chart(Person("inr-biopsy", "SPH-004203", "Kowalski", "Piotr", "1960-05-08", "male"))
    chart.encounter("Biopsy planning", days=1)
    chart.problem(v.ATRIAL_FIBRILLATION, since="2015-11-01")
    chart.lab(v.INR, 2.6, "", days=1, ucum="{INR}")
    chart.lab(v.PLATELETS, 240, "10*3/uL", days=1)
    chart.medication(v.WARFARIN, "3 mg once daily", since="2015-11-15")
    chart.order(LUNG_BIOPSY, days=1, reason="Mass of the left lower lobe")
    mass = DrawnFinding("nodule", side="left", zone="lower", diameter_mm=30)
    chart.radiograph(PhantomSpec(Subject(66, "male", "average", 4203), (mass,), "PA", 4203), days=6)
    expected = Expected("needs_review", frozenset({"P01", "P04"}), says=("INR is 2.6", "warfarin"))
    return chart.story("INR 2.6 on warfarin before a lung biopsy", expected)


def pregnancy_and_pelvic_ct() -> Story:
    """A pelvic CT on order for a pregnant patient."""
    chart = Chart(Person("pregnancy-pelvis", "SPH-004204", "Adeyemi", "Folake", "1995-10-05", "female"))
    chart.encounter("Right iliac fossa pain, 14 weeks", days=0.2, kind="EMER", finished=False)
    chart.problem(v.PREGNANT, since="2026-08-14")
    chart.lab(v.PREGNANCY_TEST, "Positive", "", days=80)
    chart.lab(v.LEUKOCYTES, 14.2, "10*3/uL", days=0.1)
    chart.lab(v.EGFR, 118, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=0.1)
    chart.order("CT pelvis without contrast", days=0.1, reason="Query appendicitis")
    expected = Expected("needs_review", frozenset({"G01"}), says=("pregnan",), never=("termination",))
    return chart.story("Pregnant, pelvic CT ordered", expected)


def pregnancy_unknown() -> Story:
    """A pelvic CT on order at an age where pregnancy is possible, and nothing on record about it."""
    chart = Chart(Person("pregnancy-unknown", "SPH-004205", "Brandt", "Lena", "1994-04-04", "female"))
    chart.encounter("Pelvic fracture after a fall", days=0.1, kind="EMER", finished=False)
    chart.lab(v.HAEMOGLOBIN, 12.1, "g/dL", days=0.05)
    chart.order("CT pelvis without contrast", days=0.05, reason="Fall from height")
    expected = Expected("presented", frozenset({"G02"}), says=("pregnan",))
    return chart.story("Pelvic CT ordered, pregnancy status unknown", expected)


def pacemaker_and_mri() -> Story:
    """An MRI on order for a patient with a pacemaker, which the radiograph shows too."""
    chart = Chart(Person("pacemaker-mri", "SPH-004206", "Gallagher", "Sean", "1947-08-21", "male"))
    chart.encounter("Back pain with leg weakness", days=1)
    chart.problem(v.HEART_BLOCK, since="2017-06-06")
    chart.procedure(v.PACEMAKER_IMPLANTED, on="2017-06-09")
    chart.device(v.PACEMAKER_DEVICE, since="2017-01-15")
    chart.order("MRI lumbar spine without contrast", days=1, reason="Query cord compression")
    chart.radiograph(PhantomSpec(Subject(79, "male", "average", 4206), (DrawnFinding("pacemaker"),), "PA", 4206), days=20)
    expected = Expected("needs_review", frozenset({"M01"}), says=("pacemaker",), reads=(("pacemaker", None),))
    return chart.story("Pacemaker, MRI ordered", expected)
