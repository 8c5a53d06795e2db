"""The codes the stories use, by name, so that a story reads like a chart and not like a table of numbers."""

from __future__ import annotations

from sandbox.patients.builder import loinc, rxnorm, snomed

EGFR = loinc(
    "98979-8",
    "Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)/1.73 sq M",
    "eGFR",
)
CREATININE = loinc("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "Creatinine")
POTASSIUM = loinc("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "Potassium")
HAEMOGLOBIN = loinc("718-7", "Hemoglobin [Mass/volume] in Blood", "Haemoglobin")
PLATELETS = loinc("777-3", "Platelets [#/volume] in Blood by Automated count", "Platelets")
LEUKOCYTES = loinc("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "Leukocytes")
INR = loinc("6301-6", "INR in Platelet poor plasma by Coagulation assay", "INR")
CRP = loinc("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "CRP")
HBA1C = loinc("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "HbA1c")
NT_PROBNP = loinc("33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma", "NT-proBNP")
PREGNANCY_TEST = loinc("2118-8", "Choriogonadotropin (pregnancy test) [Presence] in Serum or Plasma", "Pregnancy test")
PREGNANCY_STATUS = loinc("82810-3", "Pregnancy status")
TEMPERATURE = loinc("8310-5", "Body temperature", "Temperature")
HEART_RATE = loinc("8867-4", "Heart rate", "Heart rate")
OXYGEN = loinc("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "Oxygen saturation")
SYSTOLIC = loinc("8480-6", "Systolic blood pressure", "Systolic blood pressure")

CKD_4 = snomed("431857002", "Chronic kidney disease stage 4")
CKD_3 = snomed("433144002", "Chronic kidney disease stage 3")
DIABETES = snomed("44054006", "Diabetes mellitus type 2", "Type 2 diabetes")
HYPERTENSION = snomed("38341003", "Hypertensive disorder, systemic arterial", "Hypertension")
HEART_FAILURE = snomed("84114007", "Heart failure")
ATRIAL_FIBRILLATION = snomed("49436004", "Atrial fibrillation")
COPD = snomed("13645005", "Chronic obstructive lung disease", "COPD")
CIRRHOSIS = snomed("19943007", "Cirrhosis of liver")
PNEUMONIA = snomed("233604007", "Pneumonia")
PREGNANT = snomed("77386006", "Pregnancy")
ASTHMA = snomed("195967001", "Asthma")
HEART_BLOCK = snomed("27885002", "Complete atrioventricular block")
LIVER_LESION = snomed("300331000", "Lesion of liver")
CONTRAST_ALLERGY = snomed("293637006", "Allergy to contrast media")
SHELLFISH_ALLERGY = snomed("300913006", "Allergy to shellfish")
PACEMAKER_DEVICE = snomed("14106009", "Cardiac pacemaker, device")
PACEMAKER_IMPLANTED = snomed("307280005", "Implantation of cardiac pacemaker")
LEFT_THORAX = snomed("40768004", "Left thorax structure")
RIGHT_THORAX = snomed("51872008", "Right thorax structure")

METFORMIN = rxnorm("861007", "metformin hydrochloride 500 MG Oral Tablet", "metformin")
APIXABAN = rxnorm("1364430", "apixaban")
WARFARIN = rxnorm("11289", "warfarin")
FUROSEMIDE = rxnorm("4603", "furosemide")
LISINOPRIL = rxnorm("29046", "lisinopril")
ATORVASTATIN = rxnorm("83367", "atorvastatin")
AMOXICILLIN = rxnorm("723", "amoxicillin")
SALBUTAMOL = rxnorm("435", "albuterol")
BISOPROLOL = rxnorm("19484", "bisoprolol")
