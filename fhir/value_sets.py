"""Named value sets: the codes and words a rule means when it says "eGFR" or "contrast allergy".

A rule names a value set, never one code. A code is `confirmed` when it was seen beside a matching display in a public
record or in the design's list of policies; every other code is domain knowledge, to be checked against a terminology
server before a site relies on it. Words are the fallback for charts that carry text only: whole words of the concept's
text and displays, whatever the case, never parts of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from fhir.codes import LOINC, RXNORM, SNOMED

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"

Coding = tuple[str, str]
"""(system, code)."""

_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=8192)
def normalised(text: str) -> str:
    """`text` as its words in lower case between single spaces, one space at each end.

    >>> normalised("CT Abdomen/Pelvis W-contrast")
    ' ct abdomen pelvis w contrast '
    """
    return f" {' '.join(_WORD.findall(text.casefold()))} "


@dataclass(frozen=True)
class ValueSet:
    """A set of codes with its words.

    Each entry of `words` is a phrase; parts joined by ` + ` must all stand in the text, in any order, and a part that
    begins with `-` must not: `contrast ct + -non contrast`.
    """

    name: str
    codes: frozenset[Coding]
    words: tuple[str, ...] = ()
    prefixes: tuple[Coding, ...] = ()
    """(system, beginning of code) for hierarchical code systems such as ICD-10-CM."""
    confirmed: frozenset[Coding] = frozenset()
    """The part of `codes` that was seen with a matching display."""
    source: str = ""

    @cached_property
    def _phrases(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        entries = [entry.split(" + ") for entry in self.words]
        return tuple(
            (
                tuple(normalised(part) for part in parts if not part.startswith("-")),
                tuple(normalised(part[1:]) for part in parts if part.startswith("-")),
            )
            for parts in entries
        )

    def matches(self, concept: Mapping[str, Any] | None) -> bool:
        """Whether a FHIR CodeableConcept (or Coding) is of this set, by code or by words."""
        if concept is None:
            return False
        return self.matches_codings(codings_of(concept)) or self.matches_text(text_of(concept))

    def matches_codings(self, codings: Iterable[Coding]) -> bool:
        """Whether one of the (system, code) pairs is of this set."""
        return any(
            coding in self.codes or any(coding[0] == system and coding[1].startswith(start) for system, start in self.prefixes)
            for coding in codings
        )

    def matches_text(self, text: str) -> bool:
        """Whether `text` holds one of the words entries, as whole words."""
        if not text or not self.words:
            return False
        padded = normalised(text)
        return any(all(p in padded for p in wanted) and not any(p in padded for p in banned) for wanted, banned in self._phrases)


def codings_of(concept: Mapping[str, Any]) -> tuple[Coding, ...]:
    """The (system, code) pairs of a CodeableConcept or of a single Coding."""
    listed = concept.get("coding")
    parts = listed if isinstance(listed, list) else [concept]
    return tuple((p["system"], p["code"]) for p in parts if isinstance(p, Mapping) and _is_text(p, "system") and _is_text(p, "code"))


def text_of(concept: Mapping[str, Any]) -> str:
    """The text and displays of a CodeableConcept or Coding, joined by `; ` so that a phrase can be told from two."""
    listed = concept.get("coding")
    parts = listed if isinstance(listed, list) else []
    texts = [concept.get("text"), concept.get("display"), *(p.get("display") for p in parts if isinstance(p, Mapping))]
    return "; ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


def _is_text(part: Mapping[str, Any], key: str) -> bool:
    return isinstance(part.get(key), str)


@dataclass
class _Table:
    """Collects the sets below; frozen into VALUE_SETS at import."""

    sets: dict[str, ValueSet] = field(default_factory=dict)

    def add(
        self,
        name: str,
        source: str,
        *,
        loinc: str = "",
        snomed: str = "",
        rxnorm: str = "",
        cpt: str = "",
        icd10: str = "",
        seen: str = "",
        words: Iterable[str] = (),
        plus: Iterable[str] = (),
    ) -> None:
        """Codes are given as space-separated text; `seen` names the confirmed ones; `plus` names sets to include."""
        systems = ((LOINC, loinc), (SNOMED, snomed), (RXNORM, rxnorm), (CPT, cpt))
        codes = frozenset((system, code) for system, listed in systems for code in listed.split())
        others = [self.sets[other] for other in plus]
        self.sets[name] = ValueSet(
            name=name,
            codes=codes.union(*(o.codes for o in others)),
            words=(*words, *(w for o in others for w in o.words)),
            prefixes=(*((ICD10CM, start) for start in icd10.split()), *(p for o in others for p in o.prefixes)),
            confirmed=frozenset(c for c in codes if c[1] in seen.split()).union(*(o.confirmed for o in others)),
            source=source,
        )


def _pairs(firsts: Iterable[str], seconds: Iterable[str]) -> tuple[str, ...]:
    later = tuple(seconds)
    return tuple(f"{first} + {second}" for first in firsts for second in later)


_table = _Table()
_add = _table.add
_POLICIES = "design list of policies"
_CT = ("ct", "cat scan", "computed tomography", "computerized tomography", "computerised tomography", "computerized axial tomography")
_MR = ("mri", "mr", "mra", "magnetic resonance")
_XR = ("x ray", "xray", "xr", "radiograph", "radiography", "plain film", "fluoroscopy", "barium")
_NM = ("nm", "nuclear medicine", "scintigraphy", "pet", "spect", "bone scan")
_BELLY = ("abdomen", "abdominal", "pelvis", "pelvic", "abdominopelvic", "lumbar spine", "lumbosacral", "hip", "hips", "sacrum")
_WITH = (
    "with contrast", "with iv contrast", "with intravenous contrast", "with iodinated contrast", "with iv iodinated contrast",
    "with intravenous iodinated contrast", "with and without", "without and with", "w contrast", "w iv contrast", "w and wo",
    "w wo contrast", "w w o contrast", "contrast enhanced", "post contrast", "plus contrast", "using contrast",
)  # fmt: skip

# --- observations ----------------------------------------------------------------------------------------------------
# Public code bases disagree on which of 62238-1 and 98979-8 is CKD-EPI 2021: the set holds both.
_add(
    "egfr", f"{_POLICIES}; DICOM CID 10046 lists the MDRD, CKD-EPI and Schwartz codes",
    loinc="62238-1 98979-8 33914-3 48642-3 48643-1 50044-7 70969-1 69405-9 77147-7 88293-6 88294-4 50210-4 50384-7 98980-6 76633-7",
    seen="62238-1 98979-8 33914-3 48642-3 48643-1 50044-7 70969-1 88293-6 88294-4 50210-4 50384-7",
    words=("egfr", "estimated glomerular filtration rate", "glomerular filtration rate"),
)  # fmt: skip
_add("creatinine", "LOINC; 38483-4 seen in Synthea records", loinc="2160-0 38483-4 14682-9", seen="38483-4",
     words=("creatinine serum", "serum creatinine", "creatinine plasma", "creatinine blood"))  # fmt: skip
_add("inr", _POLICIES, loinc="6301-6 34714-6 38875-1", words=("inr", "international normalized ratio", "international normalised ratio"))
_add("platelets", f"{_POLICIES}; 777-3 seen in Synthea records", loinc="777-3 26515-7 778-1", seen="777-3",
     words=("platelet count", "platelets + -volume + -width + -distribution", "plt"))  # fmt: skip
_add("pregnancy_status", _POLICIES, loinc="82810-3", seen="82810-3", words=("pregnancy status",))
_add("pregnancy_test", _POLICIES, loinc="2118-8 2106-3 80384-1 80385-8",
     words=("pregnancy test", "hcg urine", "urine hcg", "serum hcg", "beta hcg", "choriogonadotropin"))  # fmt: skip
_add("pregnant_answer", "LOINC answer list of 82810-3; SNOMED CT finding", loinc="LA15173-0", snomed="77386006",
     words=("pregnant + -not pregnant", "currently pregnant"))  # fmt: skip
_add("not_pregnant_answer", "LOINC answer list of 82810-3", loinc="LA26683-5", snomed="60001007", words=("not pregnant",))
_add("positive", "SNOMED CT qualifier; LOINC answer", loinc="LA6576-8", snomed="10828004", words=("positive", "detected + -not detected"))
_add("negative", "SNOMED CT qualifier; LOINC answer", loinc="LA6577-6", snomed="260385009", words=("negative", "not detected"))
_add("unknown_answer", "LOINC answer; SNOMED CT qualifier", loinc="LA4489-6", snomed="261665006 373068000",
     words=("unknown", "possible", "undetermined", "indeterminate"))  # fmt: skip
_add("potassium", "LOINC; seen in Synthea records", loinc="2823-3 6298-4", seen="2823-3 6298-4", words=("potassium",))
_add("hemoglobin", "LOINC; seen in Synthea records", loinc="718-7", seen="718-7", words=("hemoglobin + -a1c", "haemoglobin + -a1c"))
_add("white_cells", "LOINC; seen in Synthea records", loinc="6690-2 26464-8", seen="6690-2",
     words=("white blood cells", "leukocytes + blood", "wbc"))  # fmt: skip
_add("crp", "LOINC", loinc="1988-5 30522-7", words=("c reactive protein", "crp"))
_add("procalcitonin", "LOINC", loinc="33959-8 75241-0", words=("procalcitonin",))
_add("lactate", "LOINC", loinc="2524-7 32693-4", words=("lactate",))
_add("bnp", "LOINC: BNP", loinc="30934-4 42637-9", words=("bnp + -nt + -pro + -probnp", "natriuretic peptide b"))
_add("nt_probnp", "LOINC: NT-proBNP", loinc="33762-6", words=("nt probnp", "nt pro bnp"))
_add("troponin", "LOINC", loinc="10839-9 6598-7 89579-7 67151-1", words=("troponin",))
_add("d_dimer", "LOINC", loinc="48065-7 48066-5", words=("d dimer",))
_add("oxygen_saturation", "LOINC: vital signs profile of FHIR", loinc="2708-6 59408-5", words=("oxygen saturation", "spo2"))
_add("body_temperature", "LOINC: vital signs profile of FHIR", loinc="8310-5", words=("body temperature",))
_add("respiratory_rate", "LOINC: vital signs profile of FHIR", loinc="9279-1", words=("respiratory rate",))
_add("heart_rate", "LOINC: vital signs profile of FHIR", loinc="8867-4", words=("heart rate",))
_add("systolic", "LOINC: vital signs profile of FHIR", loinc="8480-6", words=("systolic blood pressure",))
_add("smoking_status", "LOINC; seen in Synthea records", loinc="72166-2", seen="72166-2", words=("tobacco smoking status",))

# --- problems --------------------------------------------------------------------------------------------------------
_add("aki", _POLICIES, snomed="14669001", icd10="N17", words=("acute kidney injury", "acute renal failure", "aki"))
_add("ckd_4_5", "SNOMED CT; ICD-10-CM", snomed="431857002 433146000 46177005", icd10="N18.4 N18.5 N18.6",
     words=("chronic kidney disease stage 4", "chronic kidney disease stage 5", "ckd stage 4", "ckd stage 5", "ckd 4", "ckd 5",
            "stage 4 chronic kidney disease", "stage 5 chronic kidney disease", "end stage renal disease",
            "end stage kidney disease", "esrd"))  # fmt: skip
_add("kidney_disease", "SNOMED CT; ICD-10-CM; stage 1 and diabetic renal disease seen in Synthea records",
     snomed="709044004 431855005 431856006 433144002 700378005 700379002 127013003 90708001", seen="431855005 127013003", icd10="N18",
     words=("chronic kidney disease", "ckd", "kidney disease", "renal disease", "renal insufficiency", "renal failure",
            "chronic renal impairment", "kidney transplant", "solitary kidney"), plus=("aki", "ckd_4_5"))  # fmt: skip
_add("dialysis", _POLICIES, snomed="265764009 105502003 302497006 71192002", icd10="Z99.2",
     words=("hemodialysis", "haemodialysis", "peritoneal dialysis", "renal dialysis", "dialysis dependent", "dependence on dialysis",
            "dependence on renal dialysis", "on dialysis"))  # fmt: skip
_add("diabetes", "SNOMED CT; 44054006 seen in Synthea records", snomed="73211009 44054006 46635009 127013003 422034002",
     seen="44054006 127013003 422034002", icd10="E10 E11 E13",
     words=("diabetes + -prediabetes + -insipidus + -screening + -family history", "diabetes mellitus + -family history"))  # fmt: skip
_add("hypertension", "SNOMED CT; seen in Synthea records", snomed="38341003 59621000", seen="38341003", icd10="I10 I11 I12 I13",
     words=("hypertension + -pulmonary + -portal + -intracranial + -family history", "high blood pressure"))  # fmt: skip
_add("pregnancy", f"{_POLICIES}; 72892002 seen in Synthea records", snomed="77386006 72892002", seen="72892002", icd10="O09 Z33.1 Z34 Z3A",
     words=("pregnant + -not pregnant", "normal pregnancy", "pregnancy + -test + -not + -counseling + -history + -termination + -ectopic"
            " + -prevention + -status + -intention", "intrauterine pregnancy"))  # fmt: skip
_add("tension_pneumothorax", _POLICIES, snomed="233645004", seen="233645004", icd10="J93.0",
     words=("tension pneumothorax + -no tension + -without tension + -no evidence of tension + -ruled out",))  # fmt: skip
_add(
    "pneumothorax",
    "SNOMED CT",
    snomed="36118008",
    icd10="J93",
    words=("pneumothorax + -no pneumothorax + -without pneumothorax + -no evidence of pneumothorax",),
    plus=("tension_pneumothorax",),
)
_add("heart_failure", "SNOMED CT; 88805009 seen in Synthea records", snomed="84114007 88805009 42343007", seen="88805009",
     icd10="I50", words=("heart failure", "cardiac failure", "chf", "hfref", "hfpef"))  # fmt: skip
_add("copd", "SNOMED CT", snomed="13645005 185086009 87433001", icd10="J44 J43",
     words=("chronic obstructive pulmonary disease", "copd", "emphysema", "chronic obstructive bronchitis"))  # fmt: skip
_add("pneumonia", "SNOMED CT", snomed="233604007", seen="233604007", icd10="J12 J13 J14 J15 J16 J17 J18", words=("pneumonia",))
_add("cancer", "SNOMED CT; ICD-10-CM", snomed="363346000 254637007 363358000", icd10="C",
     words=("malignant neoplasm", "malignant tumor", "cancer + -screening + -family history", "carcinoma", "lymphoma",
     "metastatic"))  # fmt: skip
_add("immunosuppression", "SNOMED CT; ICD-10-CM", snomed="234532001", icd10="D84 D80 D81 B20",
     words=("immunosuppressed", "immunodeficiency", "immunocompromised", "hiv disease"))  # fmt: skip
_add("atrial_fibrillation", "SNOMED CT; seen in Synthea records", snomed="49436004", seen="49436004", icd10="I48",
     words=("atrial fibrillation",))  # fmt: skip
_add("pulmonary_embolism", "SNOMED CT", snomed="59282003", icd10="I26", words=("pulmonary embolism", "pulmonary embolus"))

# --- allergies -------------------------------------------------------------------------------------------------------
_ALLERGENS = ("contrast media", "contrast medium", "contrast agent", "contrast dye", "iodinated contrast", "iv contrast", "iv dye",
              "radiocontrast", "radiographic contrast", "radiographic dye", "x ray contrast", "ct contrast", "contrast",
              "iohexol", "iopamidol", "iodixanol", "ioversol", "iopromide", "omnipaque", "isovue", "visipaque")  # fmt: skip
_NOT_IODINATED = " + -no known + -gadolinium + -gadobutrol + -ultrasound contrast + -mri contrast"
_add("contrast_allergy", _POLICIES, snomed="293637006", seen="293637006", icd10="Z91.041",
     words=tuple(f"{word}{_NOT_IODINATED}" for word in _ALLERGENS))  # fmt: skip
_add("shellfish_or_iodine_allergy", f"{_POLICIES}; shellfish seen in Synthea records", snomed="300913006", seen="300913006",
     icd10="Z91.013",
     words=("shellfish", "shrimp", "crustacean", "lobster", "crab", "iodine + -contrast", "povidone iodine", "betadine",
     "seafood"))  # fmt: skip

# --- medications -----------------------------------------------------------------------------------------------------
_add("metformin", f"{_POLICIES}; 860975 seen in Synthea records", rxnorm="6809 860975 860981 861004 861007 861010", seen="860975 861007",
     words=("metformin", "glucophage", "fortamet", "glumetza", "janumet"))  # fmt: skip
_add("anticoagulant", f"{_POLICIES}; 855332 seen in Synthea records",
     rxnorm="11289 1364430 1114195 1037042 1599538 67108 5224 67109 321208 15202 60819 855332 1364445 1364435",
     seen="1364430 1114195 1037042 855332",
     words=("warfarin", "coumadin", "apixaban", "eliquis", "rivaroxaban", "xarelto", "dabigatran", "pradaxa", "edoxaban", "savaysa",
            "lixiana", "enoxaparin", "lovenox", "dalteparin", "tinzaparin", "heparin + -flush + -lock", "fondaparinux", "argatroban",
            "bivalirudin", "phenprocoumon", "acenocoumarol"))  # fmt: skip
_add("antiplatelet", f"{_POLICIES}; 309362 seen in Synthea records", rxnorm="32968 613391 1116632 1191 309362", seen="309362",
     words=("clopidogrel", "plavix", "prasugrel", "ticagrelor", "brilinta", "aspirin", "acetylsalicylic acid"))  # fmt: skip
_add("diuretic", "RxNorm", rxnorm="4603 1808 38413", words=("furosemide", "bumetanide", "torsemide", "lasix"))
_add("antihypertensive", "RxNorm ingredients; fallback for treated hypertension", rxnorm="29046 52175 17767 5487 69749 6918",
     words=("lisinopril", "losartan", "amlodipine", "hydrochlorothiazide", "valsartan", "metoprolol", "ramipril", "enalapril",
            "candesartan", "bisoprolol", "atenolol", "telmisartan", "olmesartan"))  # fmt: skip

# --- implants --------------------------------------------------------------------------------------------------------
_add("mri_implant", f"{_POLICIES}; 19257004 seen in the US Core examples", snomed="14106009 72506001 19257004 441509002 43252007",
     seen="19257004", icd10="Z95.0 Z95.810 Z96.21",
     words=("pacemaker", "cardiac defibrillator", "implantable defibrillator", "implantable cardioverter defibrillator", "icd implant",
            "icd device", "cardiac resynchronization", "cochlear implant", "cochlear prosthesis", "aneurysm clip", "cerebral aneurysm clip",
            "neurostimulator"))  # fmt: skip

# --- orders: what a plan can be of -----------------------------------------------------------------------------------
_add("iv_iodinated_contrast", "CPT; words of order catalogues", cpt="74177 74178 74160 74170 72193 71260 71270 70460 70470 71275",
     words=(*_pairs(_CT, _WITH), "cta", "ct angiography", "ct angiogram", "contrast ct + -non contrast + -noncontrast + -no contrast",
            *_pairs(("iodinated contrast",), ("iv", "intravenous")), "ct urogram",
           "ct + iv contrast + -without iv contrast + -no iv contrast + -w o iv contrast + -wo iv contrast"),
)  # fmt: skip
_add("gadolinium_contrast", "words of order catalogues",
     words=(*(f"{entry} + -iodinated" for entry in _pairs(_MR, _WITH)), "gadolinium", "gadobutrol", "gadoterate", "gadopentetate",
            "gadodiamide", "gadobenate", "gadoxetate"))  # fmt: skip
_add("ionising_abdomen_pelvis", "CPT; words of order catalogues", cpt="74176 74177 74178 74150 74160 74170 72192 72193 72194 74018 74019",
     words=(*_pairs((*_CT, *_XR, *_NM), _BELLY), "kub", "ct urogram", "hysterosalpingogram", "ct kidney", "ct kidneys"))  # fmt: skip
_add("mri", "SNOMED CT; words of order catalogues", snomed="113091000", words=("mri", "magnetic resonance", "mr imaging", "mra", "mrcp"))
_add("image_guided_biopsy", "words of order catalogues",
     words=(*_pairs(("biopsy", "biopsies", "needle aspiration"), ("guided", "guidance", "percutaneous", "core needle", "fluoroscopic")),
            "liver biopsy", "renal biopsy", "kidney biopsy", "lung biopsy", "biopsy of liver", "biopsy of kidney",
            "biopsy of lung"))  # fmt: skip

VALUE_SETS: Mapping[str, ValueSet] = MappingProxyType(_table.sets)
"""Every value set by name."""
