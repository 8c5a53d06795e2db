"""The words radiologists use for the ten findings, as patterns. A space in a pattern stands for white space or a hyphen.

Three tables: words for a finding, whole statements that say a finding is absent ("the lungs are clear"), and words that
contain a finding's word but mean another thing ("thyroid nodule").
"""

from __future__ import annotations

from typing import Final

_IS: Final = (
    r"(?:(?:is|are|was|were|be|been|has|have|remains?|appears?|seems?|looks?|measures?|again|also|now|not|no longer|overall|slightly"
    r"|mildly|mild|"
    r"moderately|moderate|markedly|severely|severe|grossly|massively|minimally|somewhat|significantly|probably|likely|possibly|may|might"
    r"|could|"
    r"at least|persistently|stably|stable|unchanged|borderline|top normal|and|to|within|in size|in|size|silhouette|shadow|contours?"
    r"|which|chronically) )"
)
_HEART: Final = (
    r"(?:(?:heart|cardiac|cardiomediastinal|cardio mediastinal|cardiopericardial)(?: and mediastinal)?"
    r"(?: size| silhouette| shadow| contours?)*|cardiac and mediastinal (?:silhouettes?|contours?))"
)
_DEVICE: Final = (
    r"(?:endotracheal tube|tracheal tube|tracheostomy tube|et tube|ett|(?:naso|oro)gastric tube|ng tube|ngt|og tube|feeding tube|enteric"
    r" tube|"
    r"dobb?hoff(?: tube)?|central (?:venous )?(?:line|catheter)|cvc|cvl|picc(?: line| catheter)?|"
    r"(?:internal jugular|subclavian|jugular|ij)(?: (?:central|venous|line|catheter))+|(?:dialysis |port )?catheter|central access|line"
    r"|tube|tip)"
)
_GAP: Final = r"(?:(?!\b(?:but|however|no|not|without|although|away)\b)[^.;]){0,90}?"
_OPACITY_KIND: Final = (
    r"(?:air ?space|alveolar|consolidative|focal|lobar|confluent|patchy|segmental|dense|infiltrative|parenchymal|pneumonic|fluffy|"
    r"perihilar|basilar|retrocardiac|lung|pulmonary)"
)

FINDING_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "pleural_effusion": (
        r"(?:hydro|pleural |parapneumonic |subpulmonic |hemo|haemo|loculated |free flowing )?effusions?",
        r"pleural fluid(?: collections?)?",
        r"(?:layering|loculated|free) (?:pleural )?fluid",
        r"fluid in the (?:\w+ )?(?:pleural space|fissures?)",
        r"fissural fluid",
        r"h(?:a)?emothora(?:x|ces)|hydrothora(?:x|ces)|hydropneumothora(?:x|ces)",
        r"(?:blunting|obliteration|effacement|blunted appearance) of (?:\w+ ){0,4}?(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?)",
        r"(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?) blunting",
        rf"(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?) {_IS}*(?:blunted|obliterated|obscured|effaced)",
        r"blunted (?:\w+ ){0,3}?(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?)",
        r"meniscus sign",
    ),
    "pneumothorax": (
        r"pneumothora(?:x|ces)",
        r"hydropneumothora(?:x|ces)",
        r"ptx",
        r"pleural air",
        r"deep sulcus sign",
        r"visceral pleural (?:line|edge)",
        r"air in the pleural space",
    ),
    "tension_pneumothorax": (
        r"tension (?:hydro)?pneumothora(?:x|ces)",
        r"pneumothora(?:x|ces) (?:\w+ ){0,4}?(?:under|with(?: \w+){0,3}) tension(?: physiology| component)?",
        r"(?:evidence|signs?|features?) of tension",
        r"tension physiology",
        r"under tension",
        r"(?<=without\s)tension",
    ),
    "consolidation": (
        r"consolidations?|consolidative (?:change|process|opacit\w+)|consolidated",
        r"air ?space (?:disease|opacit\w+|opacification|process|infiltrates?|shadowing|densit\w+|consolidations?|abnormalit\w+|change)",
        rf"{_OPACITY_KIND} (?:\w+ )?(?:opacit(?:y|ies)|opacification|shadowing)",
        r"opacification of (?:\w+ ){0,3}?(?:lobe|base|zone|lung)",
        r"infiltrates?|infiltration",
        r"(?:broncho)?pneumonias?|pneumonic (?:process|change)",
        r"air bronchograms?",
        r"silhouette sign",
    ),
    "cardiomegaly": (
        r"cardiomegaly",
        r"(?:enlarged|dilated|big|globular) (?:\w+ )?(?:heart|cardiac|cardiomediastinal|cardiopericardial)(?: size| silhouette| shadow|"
        r" contours?)*",
        rf"{_HEART} {_IS}*(?:enlarged|increased|enlargement|dilated|large|larger than normal|globular|prominent|prominence)",
        r"(?:cardiac|heart|cardiac silhouette|biventricular|global cardiac) enlargement",
        r"(?:enlargement|dilatation) of the (?:heart|cardiac|cardiomediastinal|cardiopericardial)(?: silhouette| shadow| contours?| size)*",
        r"(?:increase|increased) (?:in )?(?:the )?(?:heart|cardiac) size",
        rf"(?:cardio ?thoracic ratio|ctr) {_IS}*(?:increased|elevated|raised|enlarged|abnormal|high)",
        r"(?:increased|elevated|raised|enlarged|high) (?:cardio ?thoracic ratio|ctr)",
        r"borderline (?:heart|cardiac)(?: size| silhouette)?",
    ),
    "pulmonary_edema": (
        r"(?:(?:pulmonary|interstitial|alveolar|lung|perihilar|cardiogenic|airspace|hydrostatic) ){0,3}o?edema(?:tous)?",
        r"(?:pulmonary |central |perihilar )?(?:vascular|venous) (?:congestion|engorgement|prominence|redistribution|cephali[sz]ation)",
        r"(?:increased|prominent|engorged|indistinct) (?:pulmonary |lung |central )?vascul(?:arity|ature)",
        r"(?:pulmonary|lung|hilar) congestion|congestive (?:changes?|failure pattern)",
        r"(?:pulmonary )?vascul(?:ature|arity) (?:\w+ ){0,4}?(?:congested|engorged|indistinct|cephali[sz]ed|prominent)",
        r"cephali[sz]ation(?: of (?:the )?(?:\w+ )?(?:vessels|vasculature|flow|vascularity))?",
        r"kerley (?:b |a )?lines?|septal lines|septal thickening",
        r"upper (?:lobe|zone) (?:blood|venous|vascular) diversion",
        r"bat ?wing(?: \w+)? (?:opacit\w+|distribution|pattern|shadowing)",
        r"fluid overload|volume overload|overhydration",
        r"perihilar (?:ha[sz]e|haziness|clouding)",
        r"peribronchial cuffing",
    ),
    "nodule": (
        r"(?:(?:pulmonary|lung|solitary|parenchymal|calcified|noncalcified) )*(?:micro)?nodules?",
        r"nodular (?:\w+ )?(?:opacit\w+|densit\w+|lesions?|shadows?|focus|foci)",
        r"(?:coin|rounded|round) (?:lesions?|opacit\w+|densit\w+|shadows?)",
        r"nodularity",
    ),
    "atelectasis": (
        r"atelecta(?:sis|ses|tic)(?: (?:changes?|bands?|opacit\w+))?",
        r"(?:lobar|lobe|segmental|basal|basilar|lung|partial|complete|total|left lower lobe|right lower lobe) collapse",
        r"collapse of (?:\w+ ){0,4}?(?:lobe|lung|lingula|segment|base)s?",
        rf"(?:lobe|lingula|lung base|segment) {_IS}*collapsed",
        r"collapsed (?:\w+ ){0,3}?(?:lobe|lung|lingula|segment)",
        r"(?:loss of (?:lung )?volume|volume loss)",
        r"(?:plate ?like|linear|streaky|band ?like|discoid|subsegmental) (?:\w+ ){0,2}?(?:opacit\w+|densit\w+|collapse|bands?)",
    ),
    "malpositioned_device": (
        r"(?:malposition(?:ed|ing)?|mal position(?:ed)?|mis ?positioned|misplaced|misplacement|aberrantly positioned)",
        r"(?:suboptimal|abnormal|unsatisfactory|incorrect|inappropriate|poor|unexpected) position(?:ing)?",
        r"(?:suboptimally|incorrectly|inappropriately|poorly|abnormally) (?:positioned|placed|sited|located)",
        rf"{_DEVICE} {_GAP}(?:right|left) main(?:stem| stem)?(?: bronchus| bronchial)?",
        r"(?:right|left) main(?:stem| stem)?(?: bronchus| bronchial)? intubation|endobronchial intubation",
        rf"{_DEVICE} {_GAP}bronchus intermedius",
        rf"{_DEVICE} {_GAP}(?:in|into|within|over|at|towards?|to) (?:the )?(?:level of the )?(?:(?:lower|upper|mid|distal|proximal|right"
        rf"|left|deep) )*"
        r"(?:right ventric\w+|ventric\w+|jugular vein|neck|azygos\w*(?: vein)?|contralateral \w+|axilla|axillary vein|subclavian vein"
        r"|brachiocephalic(?: vein)?|innominate(?: vein)?|"
        r"o?esophagus|gastroesophageal junction|bronchus|lower lobe(?: bronchus)?|airway|pleural space|hypopharynx|pharynx|right atrium)",
        rf"{_DEVICE} {_GAP}(?:coiled|coils|coiling|kinked|looped|loops|too (?:high|low|deep|far)|(?:abnormally|unusually) (?:high|low)"
        rf"|low lying|high riding|"
        r"above the (?:left )?(?:hemi)?diaphragm|"
        r"(?:directed|courses|points|coursing|pointing|directing) (?:cephalad|cranially|upwards?|superiorly))",
        rf"{_DEVICE} {_GAP}(?:needs?|requires?|recommend\w*|should|must|advise\w*|suggest\w*) (?:to )?(?:be )?(?:\w+ )?"
        r"(?:reposition\w*|retract\w*|withdraw\w*|pull\w* back|advanc\w*|replace\w*)",
        rf"(?:endotracheal tube|tracheal tube|et tube|ett) {_GAP}(?:(?:below|beyond|past|abuts|abutting) the|at the (?:level of the )?)"
        rf" ?carina",
        rf"(?:low lying|high riding|coiled|kinked) (?:\w+ ){{0,2}}?{_DEVICE}",
    ),
    "pacemaker": (
        r"(?:(?:cardiac|permanent|dual chamber|single chamber|dual lead|single lead|biventricular|leadless|transvenous|icd) )*"
        r"(?:pace ?makers?|pacers?|pacing (?:device|system|leads?|wires?|electrodes?|generator))(?: (?:leads?|wires?|generator|device"
        r"|system|icd|defibrillator))*",
        r"(?:implantable |automatic )?(?:cardioverter )?defibrillators?(?: leads?)?",
        r"(?:aicd|crt ?[dp]|icd)(?! ?\d)(?: leads?)?",
        r"(?:cardiac|implanted|implantable) (?:conduction |rhythm |electronic )?(?:device|generator)s?(?: leads?)?",
        r"pulse generator|generator pack|battery pack",
        r"(?:dual|single|triple|atrial|ventricular|right ventricular|right atrial) (?:chamber )?leads?",
    ),
}  # fmt: skip

NOT_THIS: Final[dict[str, str]] = {
    "pleural_effusion": r"(?:pericardial|joint|knee|middle ear|subdural|ascitic) effusions?|transfusions?",
    "consolidation": r"consolidation (?:therapy|chemotherapy)|history of pneumonia|aspiration pneumonia risk|insulin infiltration"
    r"|(?:streaky|linear|plate like|band like|nodular|round(?:ed)?) (?:\w+ )?(?:lung|pulmonary|basilar|perihilar|retrocardiac) (?:\w+"
    r" )?opacit\w+",
    "pulmonary_edema": r"(?:peripheral|ankle|leg|pedal|pitting|cerebral|brain|macular|subcutaneous|soft tissue|bone marrow|extremity"
    r"|facial|"
    r"laryngeal|scrotal|periorbital|angio|body wall|dependent|sacral|lymph) ?o?edema\w*|angio ?o?edema"
    r"|vascular engorgement (?:is|are|appears?) within (?:normal|limits)",
    "nodule": r"(?:thyroid|adrenal|breast|lymph|skin|hepatic|liver|renal|schmorl s?|rheumatoid|subcutaneous|vocal cord) nodul\w+",
    "atelectasis": r"(?:vertebral|compression|vertebral body|circulatory|endplate) collapse",
    "pacemaker": r"(?:external |defibrillator |pacer |pacing )+pads?|lead (?:poisoning|level)|pacemaker clinic",
    "malpositioned_device": r"base ?line|mid ?line|air ?line|fracture line",
}

_NORMAL_GAP: Final = (
    r"(?:(?!(?:but|however|enlarge\w*|abnormal\w*|not|blunt\w*|although|except|opacit\w*|effusions?|nodules?|increased|mildly|other|with"
    r"|borderline)\b)"
    r"[\w,/()'-]+ ){0,9}?"
)
_NORMAL: Final = (
    r"(?:normal|unremarkable|within normal limits?|within (?:the )?limits of normal|wnl|not enlarged|not dilated|non ?enlarged)"
)

NORMAL_STATEMENTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        rf"(?<!of\sthe\s)\b(?:lungs?|lung fields?|lung parenchyma|pulmonary parenchyma)(?! volume| apices| base| apex|:? ?\w+ volume):?"
        rf" {_NORMAL_GAP}"
        rf"(?:clear(?! of)(?!ed)|{_NORMAL}|without (?:focal )?abnormality)|\bclear (?:(?:right|left|both|bilateral) )?lungs?(?: fields?)?",
        ("consolidation", "nodule", "pulmonary_edema", "atelectasis"),
    ),
    (
        r"\bno (?:\w+ ){0,2}?(?:acute|active|significant) (?:\w+ )?(?:cardio ?pulmonary|cardiac or pulmonary|intra ?thoracic"
        r"|cardiothoracic|thoracic|chest|pulmonary|"
        r"lung|cardiac,? pulmonary,?)(?: \w+)? (?:abnormalit\w+|disease|process(?:es)?|findings?|patholog\w+|changes?|disorder)"
        r"|\bno (?:\w+ )?(?:radiographic |x ray )?evidence (?:of|for) (?:\w+ )?(?:acute|active) (?:cardio ?pulmonary|intra ?thoracic"
        r"|pulmonary|lung|thoracic|cardiothoracic|chest)(?: \w+)?"
        r" (?:abnormalit\w+|disease|process|findings?|patholog\w+|disorder)|\bno acute (?:findings?|disease|abnormality|process)\b",
        ("pleural_effusion", "pneumothorax", "consolidation", "pulmonary_edema"),
    ),
    (
        r"\b(?:normal|unremarkable|negative) (?:\w+ ){0,3}?(?:chest|cxr)(?: (?:x ray|x xxxx|radiograph\w*|exam\w*|film|study|xxxx))?\b"
        r"|\bchest (?:x ray |radiograph )?(?:is )?(?:normal|unremarkable)\b",
        ("pleural_effusion", "pneumothorax", "consolidation", "cardiomegaly", "pulmonary_edema", "nodule", "atelectasis"),
    ),
    (
        rf"\b(?:{_HEART}|heart):? {_NORMAL_GAP}{_NORMAL}|\bnormal (?:size|sized|in size) (?:heart|cardiac silhouette)|\bnormal {_HEART}",
        ("cardiomegaly",),
    ),
    (
        rf"\b(?<!normally\ssharp\s)(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?|sinuses):? {_NORMAL_GAP}(?:sharp|clear|preserved"
        rf"|not blunted|well defined|intact|free|{_NORMAL})"
        r"|(?<!normally\s)\b(?:sharp|clear|preserved) (?:\w+ )?(?:costophrenic|cp) (?:angles?|sulc\w+|recess(?:es)?)",
        ("pleural_effusion",),
    ),
    (
        rf"\bpleural (?:spaces?|surfaces?):? {_NORMAL_GAP}(?:clear|{_NORMAL})|\bpleura:? (?:\w+ )?{_NORMAL}|\bno pleural"
        rf" (?:abnormalit\w+|disease|findings?)",
        ("pleural_effusion", "pneumothorax"),
    ),
    (
        rf"\b(?:pulmonary )?vascul(?:ature|arity):? {_NORMAL_GAP}{_NORMAL}|\bnormal (?:pulmonary )?vascul(?:ature|arity)|\bpulmonary"
        rf" (?:vessels|vascular markings):? {_NORMAL_GAP}{_NORMAL}",
        ("pulmonary_edema",),
    ),
    (
        rf"{_DEVICE} {_GAP}(?:in (?:a |an )?(?:good|satisfactory|standard|appropriate|correct|adequate|expected|usual|proper|acceptable"
        rf"|optimal|unchanged|stable) (?:and \w+ )?position\w*"
        r"|(?:appropriately|well|correctly|adequately|properly|satisfactorily|optimally) (?:positioned|placed|sited))"
        rf"|{_DEVICE} {_GAP}(?:in|over|at|within|to|projects) (?:the )?(?:(?:level of the|region of the|expected location of the|mid"
        rf"|lower|distal|upper|body of the|over the|the) )*"
        r"(?:svc|superior vena cava|cavo ?atrial junction|stomach|gastric (?:body|fundus|bubble)|mid ?trachea|trachea|duodenum)",
        ("malpositioned_device",),
    ),
)  # fmt: skip
"""Statements that say, without naming it, that something is absent, and the findings each rules out."""


def pattern(fragment: str) -> str:
    """Turn a table's fragment into a regular expression: a space stands for white space or a hyphen, `` ?`` for one or none."""
    return fragment.replace(" ?", r"[\s-]?").replace(" ", r"[\s-]+")
