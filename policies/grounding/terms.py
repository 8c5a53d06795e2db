"""Content words of a sentence, spelled one way, and which of them are clinical names.

A name of a medication is told by its stem (the INN stems of the WHO: -pril, -statin, -xaban …) or stands in a short list of names
without one. The function words that carry a statement ("is on the problem list", "recorded on") are not content.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9'-]*[A-Za-z0-9]|[A-Za-z]{2,}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FUNCTION: Final = _words(
    """
    a about above absent according acute after again against all almost also an and any are as at because been before being below
    between but by can chart claim clinical clinician considered consider current currently date dated day days documented does due
    during each either entry exam examination fact finding findings first for found from further given had has have hold holding
    holds how if image images imaging impression in into is isn it item its known last latest least left less level list listed low
    lower made may measured model more most near new newest next no none nor normal not note noted now of old on once one only onto
    or order ordered other out over own patient per plan planned possible present previous prior probability probable problem
    problems radiograph radiographs read reading reads recent recorded record records reported report reports result results right
    same say says seen sentence shown shows side since so source stands state stated states status still studies study such taken
    takes taking test than that the their them then there these they this those though thus times to treated under unchanged unit
    units until up upon used usual usually value values very was were what when where whether which while who will with within
    without year years active medication medications medicine prescribed prescription takes allergy allergic bilateral both single
    uncertain likely documents available begun started stopped resolved inactive confirmed final preliminary amended completed
    cancelled on-hold entered error x-ray xray xrays view views frontal today yesterday ago high higher diagnosis diagnosed
    condition conditions onset onwards lab laboratory measurement observation observed daily twice
    """
)
_STEMS: Final = re.compile(
    r"(?:pril|sartan|olol|statin|floxacin|cillin|conazole|prazole|mycin|micin|xaban|gatran|gliptin|gliflozin|glutide|formin|glitazone"
    r"|parin|tidine|dipine|"
    r"umab|ximab|zumab|tinib|ciclib|azepam|azolam|setron|triptan|cycline|ciclovir|navir|tegravir|buvir|osin|thiazide|semide|tanide"
    r"|lukast|terol|tropium|"
    r"sone|solone|onide|caine|profen|coxib|oxetine|pramine|triptyline|zepine|peridol|apine|idone|piprazole|barbital|curium|dronate"
    r"|mustine|platin|taxel|"
    r"rubicin|trexate|cef\w{3,}|sulfa\w+|grelor|grel|teplase|arone|ine hydrochloride|phylline|afil|steride|penem|bactam|oxacin|ivir"
    r"|fungin|quine)$"
)
_NOT_A_DRUG: Final = frozenset(
    {
        "bone",
        "reason",
        "season",
        "person",
        "mediastine",
        "spine",
        "routine",
        "medicine",
        "baseline",
        "saline",
        "determine",
        "examine",
        "decline",
        "midline",
        "outline",
        "line",
        "machine",
        "urine",
        "fine",
        "nine",
    }
)
_NAMES: Final = _words(
    """
    aspirin warfarin heparin digoxin insulin morphine fentanyl oxycodone codeine tramadol paracetamol acetaminophen metamizole
    lithium methotrexate phenytoin valproate valproic carbamazepine levetiracetam gabapentin pregabalin amiodarone clopidogrel
    colchicine allopurinol levothyroxine thyroxine prednisone hydrocortisone dexamethasone spironolactone eplerenone nitroglycerin
    isosorbide hydralazine clonidine tacrolimus ciclosporin cyclosporine mycophenolate azathioprine vancomycin nitrofurantoin
    trimethoprim metronidazole rifampicin isoniazid salbutamol albuterol ipratropium tiotropium montelukast sertraline citalopram
    escitalopram mirtazapine quetiapine haloperidol donepezil memantine levodopa ondansetron metoclopramide senna potassium sodium
    calcium magnesium phosphate chloride bicarbonate lactate glucose creatinine urea bun egfr gfr haemoglobin hemoglobin haematocrit
    hematocrit platelet platelets thrombocytes leukocytes leucocytes neutrophils lymphocytes ferritin troponin bnp nt-probnp crp
    procalcitonin d-dimer inr ptt aptt fibrinogen bilirubin albumin alt ast ggt amylase lipase tsh hba1c cholesterol triglycerides
    psa hcg cortisol ph diabetes hypertension asthma copd cancer carcinoma lymphoma leukaemia leukemia myeloma dementia epilepsy
    stroke infarction fibrillation flutter thyroiditis cirrhosis hepatitis pancreatitis appendicitis cholecystitis sepsis
    tuberculosis hiv sarcoidosis lupus psoriasis gout osteoporosis anaemia anemia haemophilia hemophilia depression schizophrenia
    bipolar pregnancy pregnant obesity embolism thrombosis thrombocytopenia aneurysm nephropathy gadolinium iodine iohexol iodixanol
    iopamidol penicillin latex shellfish
    """
)
_SYNONYMS: Final = {
    "egfr": ("glomerular", "gfr"),
    "gfr": ("glomerular", "egfr"),
    "hba1c": ("a1c",),
    "platelets": ("platelet", "thrombocytes"),
    "inr": ("normalized", "normalised"),
    "edema": ("edema",),
    "hypertension": ("hypertensive",),
    "diabetes": ("diabetic",),
    "pregnancy": ("pregnant", "gravid"),
    "bun": ("urea",),
    "ckd": ("kidney",),
    "kidney": ("renal", "ckd"),
    "renal": ("kidney",),
    "mri": ("magnetic",),
    "ct": ("tomography",),
    "bnp": ("natriuretic",),
}
_SPELLING: Final = (
    (re.compile(r"ae"), "e"),
    (re.compile(r"oe"), "e"),
    (re.compile(r"isation"), "ization"),
    (re.compile(r"ise(?=[ds]?$|[ds]?\b)"), "ize"),
    (re.compile(r"our\b"), "or"),
)


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """`text` in lower case with British and American spellings brought together ("oedema" and "edema")."""
    text = text.lower()
    for pattern, plain in _SPELLING:
        text = pattern.sub(plain, text)
    return text


@lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[tuple[str, int, int], ...]:
    """(folded word, start, end) of the words of `text` that carry content: three letters or more, or a clinical name."""
    found = []
    for match in _WORD.finditer(text):
        word = folded(match[0].strip("'-"))
        if (
            word not in _FUNCTION
            and match[0].lower() not in _FUNCTION
            and (len(word) > 2 or word in _NAMES)
            and not re.fullmatch(r"e\d+", word)
        ):
            found.append((word, match.start(), match.end()))
    return tuple(found)


@lru_cache(maxsize=8192)
def is_clinical_name(word: str) -> bool:
    """Whether `word` (folded) names a medication, a laboratory test, a substance or a common problem."""
    return word in _FOLDED_NAMES or (len(word) > 5 and word not in _NOT_A_DRUG and _STEMS.search(word) is not None)


_FOLDED_NAMES: Final = frozenset(folded(name) for name in _NAMES)


@lru_cache(maxsize=4096)
def vocabulary(texts: tuple[str, ...]) -> frozenset[str]:
    """Every word of `texts` (folded texts), hyphenated words also in their parts."""
    words = {match[0].strip("'-") for text in texts for match in _WORD.finditer(text)}
    return frozenset(words | {part for word in words for part in word.split("-")})


@lru_cache(maxsize=65536)
def same_word(word: str, other: str) -> bool:
    """Whether two folded words are one: equal, a plural, an inflection of a stem of five letters, a hyphenated form, a synonym."""
    if word == other or other in _SYNONYMS.get(word, ()):
        return True
    if "-" in word:
        return all(part == other or part in _FUNCTION or len(part) < 3 for part in word.split("-"))
    if is_clinical_name(word) or is_clinical_name(other):
        return word.rstrip("s") == other.rstrip("s")
    stem = min(len(word), len(other))
    return stem >= 5 and word[: stem - 1] == other[: stem - 1] and abs(len(word) - len(other)) <= 4
