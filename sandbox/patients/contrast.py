"""Stories about contrast media: kidneys, metformin, allergies, and a label that is no contraindication."""

from __future__ import annotations

from sandbox.patients import vocabulary as v
from sandbox.patients.builder import Chart
from sandbox.patients.story import Expected, Person, Story
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, Subject

CONTRAST_CT = "CT abdomen and pelvis with IV contrast"


def ckd_stage_4() -> Story:
    """Stage 4 CKD and a contrast CT on order: prophylaxis is indicated, it is not an absolute bar."""
    chart = Chart(Person("ckd4-contrast", "SPH-004101", "Lindqvist", "Marta", "1955-03-14", "female"))
    chart.encounter("Flank pain, query obstructing stone or mass", days=0.2, kind="EMER", finished=False)
    chart.problem(v.CKD_4, since="2022-05-02")
    chart.problem(v.HYPERTENSION, since="2009-11-20")
    for days, egfr, creatinine in ((8, 24, 2.15), (96, 27, 1.96), (280, 29, 1.84)):
        chart.lab(v.EGFR, egfr, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=days)
        chart.lab(v.CREATININE, creatinine, "mg/dL", days=days)
    chart.lab(v.POTASSIUM, 4.9, "mmol/L", days=8)
    chart.lab(v.HAEMOGLOBIN, 10.8, "g/dL", days=8)
    chart.vital(v.SYSTOLIC, 148, "mm[Hg]", days=0.2)
    chart.medication(v.LISINOPRIL, "10 mg once daily", since="2021-02-11")
    chart.medication(v.FUROSEMIDE, "40 mg once daily", since="2023-08-30")
    chart.order(CONTRAST_CT, days=0.1, reason="Flank pain, haematuria")
    chart.radiograph(PhantomSpec(Subject(71, "female", "average", 4101), (DrawnFinding("cardiomegaly"),), "PA", 4101), days=0.15)
    expected = Expected("needs_review", frozenset({"C01"}), says=("eGFR is 24", "not an absolute bar"), never=("contraindicated",))
    return chart.story("Stage 4 chronic kidney disease, contrast CT ordered", expected)


def metformin_egfr_35() -> Story:
    """Metformin with an eGFR of 35: the FDA label and the ACR differ, and both are shown."""
    chart = Chart(Person("metformin-egfr35", "SPH-004102", "Okafor", "Chidi", "1958-09-02", "male"))
    chart.encounter("Weight loss, change of bowel habit", days=1)
    chart.problem(v.DIABETES, since="2012-04-18")
    chart.problem(v.CKD_3, since="2021-10-05")
    chart.problem(v.HYPERTENSION, since="2010-01-12")
    for days, egfr, creatinine in ((5, 35, 2.05), (130, 38, 1.92), (400, 44, 1.71)):
        chart.lab(v.EGFR, egfr, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=days)
        chart.lab(v.CREATININE, creatinine, "mg/dL", days=days)
    chart.lab(v.HBA1C, 7.4, "%", days=40)
    chart.medication(v.METFORMIN, "500 mg twice daily", since="2016-06-01")
    chart.medication(v.ATORVASTATIN, "20 mg at night", since="2014-03-21")
    chart.order(CONTRAST_CT, days=0.5, reason="Weight loss, change of bowel habit")
    chart.radiograph(PhantomSpec(Subject(68, "male", "large", 4102), (), "PA", 4102), days=1)
    expected = Expected("presented", frozenset({"C02"}), says=("metformin", "eGFR is 35"), never=("must be stopped",))
    return chart.story("Metformin with eGFR 35, contrast CT ordered", expected)


def severe_contrast_reaction() -> Story:
    """A severe reaction to contrast in the past, and contrast on order."""
    chart = Chart(Person("contrast-reaction", "SPH-004103", "Haddad", "Rima", "1971-01-25", "female"))
    chart.encounter("Follow-up of liver lesion", days=3)
    chart.problem(v.LIVER_LESION, since="2026-08-14")
    chart.allergy(v.CONTRAST_ALLERGY, reaction="Anaphylaxis with hypotension", severity="severe", criticality="high", since="2019-07-08")
    chart.lab(v.EGFR, 92, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=10)
    chart.lab(v.CREATININE, 0.71, "mg/dL", days=10)
    chart.order(CONTRAST_CT, days=2, reason="Characterise liver lesion")
    expected = Expected("needs_review", frozenset({"C08"}), says=("contrast",), never=("safe to give",))
    return chart.story("Severe reaction to contrast in the past, contrast CT ordered", expected)


def shellfish_label() -> Story:
    """Shellfish on the allergy list: not a contrast contraindication by itself."""
    chart = Chart(Person("shellfish-label", "SPH-004104", "Moreau", "Élodie", "1988-12-19", "female"))
    chart.encounter("Right upper quadrant pain", days=1, kind="EMER")
    chart.allergy(v.SHELLFISH_ALLERGY, reaction="Urticaria", severity="mild", criticality="low", since="2015-05-05")
    chart.lab(v.EGFR, 104, "mL/min/1.73 m2", ucum="mL/min/{1.73_m2}", days=1)
    chart.lab(v.PREGNANCY_TEST, "Negative", "", days=1)
    chart.order(CONTRAST_CT, days=0.4, reason="Right upper quadrant pain")
    expected = Expected("presented", frozenset({"C10"}), says=("shellfish",), never=("premedication is required",))
    return chart.story("Shellfish allergy, contrast CT ordered", expected)


def unknown_renal_function() -> Story:
    """Contrast on order, risk factors on the list, and no kidney function on record."""
    chart = Chart(Person("renal-unknown", "SPH-004105", "Petrov", "Ivan", "1949-06-30", "male"))
    chart.encounter("Abdominal pain", days=0.2, kind="EMER", finished=False)
    chart.problem(v.DIABETES, since="2003-02-02")
    chart.problem(v.HYPERTENSION, since="1999-10-10")
    chart.lab(v.HAEMOGLOBIN, 13.9, "g/dL", days=0.1)
    chart.medication(v.LISINOPRIL, "20 mg once daily", since="2018-05-11")
    chart.order(CONTRAST_CT, days=0.1, reason="Abdominal pain, query ischaemia")
    chart.radiograph(PhantomSpec(Subject(77, "male", "average", 4105), (), "AP", 4105), days=0.1)
    expected = Expected("presented", frozenset({"C03"}), says=("kidney function is not known",))
    return chart.story("Contrast CT ordered, renal function unknown", expected)
