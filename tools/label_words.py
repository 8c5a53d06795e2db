"""The words of radiology reports for what the ten findings of `policies.grounding.finding_words` leave out.

As there, a space stands for white space or a hyphen. `WORDS` says a finding; `NOT_THIS` holds its words and means another thing;
`NORMAL` says, without naming them, that findings are absent.
"""

from __future__ import annotations

from typing import Final

_LUNG: Final = (
    r"(?:lungs?|pulmonary|parenchymal|air ?space|basilar|basal|bibasilar|retrocardiac|perihilar|lobe|interstitial|alveolar|apical)"
)
_SPINE: Final = (
    r"(?:spine|spinal|vertebra\w*|thoracic|thoracolumbar|lumbar|cervical|disc|disk|intervertebral|end ?plates?|osseous|bony|skeletal)"
)
_AORTA: Final = r"(?:(?:thoracic|descending|ascending) )*(?:aortas?|aortic)(?: (?:arch|knob|knuckle))?"
_DIAPHRAGM: Final = r"(?:hemi ?)?diaphragm(?:s|atic)?"

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "lung_opacity": (
        r"opacit(?:y|ies)|opacifications?|opacified",
        r"infiltrates?|infiltration",
        rf"(?:{_LUNG} )?air ?space (?:disease|process|shadowing)|(?:{_LUNG} )?consolidations?",
        rf"{_LUNG} (?:\w+ )?densit(?:y|ies)|densit(?:y|ies) (?:\w+ ){{0,4}}?(?:lungs?|lobes?|base|bases|lingula|apex)",
        r"ha[sz]iness|hazy densit(?:y|ies)",
    ),
    "mass": (r"mass(?:es)?(?: like)?(?: (?:lesion|opacit\w+|densit\w+))?", r"(?:neoplasms?|tumou?rs?|carcinomas?|malignanc(?:y|ies))"),
    "lung_lesion": (
        r"(?:lung|pulmonary|parenchymal|cavitary|cavitating|focal|lytic pulmonary) (?:\w+ )?lesions?",
        r"cavit(?:y|ies|ations?)|cavitary (?:lesion|disease)",
    ),
    "pneumonia": (r"(?:broncho)?pneumonias?|pneumonic (?:process|change|infiltrate)s?", r"(?:acute )?infectio(?:n|us process)"),
    "enlarged_cardiomediastinum": (
        r"(?:widen(?:ed|ing)|enlarged|enlargement|prominent|prominence|fullness)(?: of)?(?: the)? (?:\w+ ){0,2}?(?:mediastin(?:um|al)"
        r"|cardiomediastin(?:um|al))"
        r"(?: (?:silhouette|contours?|structures?|width|shadow))?",
        r"(?:superior |upper )?(?:cardio)?mediastin(?:um|al)(?: (?:silhouette|contours?|structures?|width|shadow))? (?:(?:is|are"
        r"|appears?|remains?|mildly|slightly|again"
        r"|somewhat|moderately) )+(?:widened|enlarged|prominent)",
        r"mediastinal (?:widening|enlargement|fullness|prominence)",
    ),
    "pleural_thickening": (
        r"(?:(?:bi)?apical|pleural?|pleuro ?parenchymal)(?: (?:and|or|\w+))?(?: pleural)? (?:thickening|scarring|plaques?"
        r"|calcifications?|fibrosis|reaction|caps?|capping)",
        r"thicken(?:ing|ed)(?: of the)?(?: \w+){0,2}? pleura|thickened pleura\w*",
        r"fissural thickening|thickening (?:of|in) the (?:\w+ )?fissures?|fibrothorax|calcified pleura\w*|pleural based (?:thickening"
        r"|densit\w+|opacit\w+)",
    ),
    "fracture": (r"fractur(?:es?|ed)|fx", r"compression deformit(?:y|ies)|(?:vertebral|vertebral body) (?:height loss|compression)"),
    "support_device": (
        r"(?:endotracheal|tracheostomy|nasogastric|orogastric|enteric|feeding|ng|et|chest|pleural|pigtail|drainage|thoracostomy"
        r"|gastric|picc|central|venous|jugular"
        r"|subclavian|dialysis|port|shunt|ventriculoperitoneal|vp|swan ?ganz|infusion|ij)"
        r"(?: (?:venous|central|access|drainage|catheter|line|tube|internal|jugular|vein|dialysis|port|shunt|lines|tubes|catheters))+",
        r"catheters?|cannulas?|port ?a ?caths?|port ?caths?|mediports?|medi ?ports?|infusaports?|chest ports?|picc|tracheostomy|cvc"
        r"|shunts?|stents?|drains?",
        r"(?:cardiac |dual chamber |permanent |left |right )*(?:pace ?makers?|pacers?|defibrillators?|aicd|icd)(?: (?:leads?|wires?"
        r"|device|generator))?|pacing (?:leads?|wires?|devices?)",
        r"(?:implant(?:ed|able)|cardiac|stimulator|monitoring|vagal|electronic) (?:\w+ )?(?:devices?|hardware|generators?)"
        r"|stimulators?",
        r"(?:spinal|orthopa?edic|surgical|fixation|fusion|metallic|posterior|anterior|cervical|lumbar|thoracic)(?: \w+)? (?:hardware"
        r"|rods?|screws?|plates?)|hardware",
        r"(?:prosthe(?:tic|sis)|artificial|mechanical|bioprosthetic)(?: \w+){0,2}|valve replacement|arthroplast(?:y|ies)|(?:spine"
        r"|spinal|cervical|lumbar|thoracic) fusion|(?:internal|surgical|hardware) fixation|monitor(?:ing)? leads?|port tip",
    ),
    "granuloma": (r"(?:calcified )?granulomas?|granulomata|granulomatous(?: (?:disease|changes?|infection|process|calcifications?"
        r"|sequelae?))?",),
    "calcification": (r"calcifications?|calcified|calcific|calcium|calcinosis",),
    "atherosclerosis": (
        r"ather(?:o|io)?scler\w+|atheromat\w+|arteriosclero\w+",
        rf"(?:calcifi\w+|calcific \w+)(?: (?:of|in|within|the|throughout|at))*(?: \w+)? {_AORTA}|{_AORTA}(?: \w+)? (?:is "
        rf"|are )?(?:mildly )?calcif\w+"
        r"|vascular calcifications?",
    ),
    "emphysema": (
        r"(?:\w+ )?emphysema(?:tous)?(?: (?:changes?|disease|lungs?))?",
        r"copd|chronic obstructive (?:pulmonary|lung|airways?) (?:disease|changes?)|obstructive (?:lung|pulmonary) disease",
    ),
    "hyperinflation": (
        r"(?:hyper ?(?:expan|inflat|aerat|disten)\w+|over ?(?:expan|inflat)\w+)",
        r"(?:large|increased|high|elevated) lung volumes?|hyper ?lucen\w+",
        rf"flatten(?:ed|ing)(?: of)?(?: the)?(?: \w+){{0,2}}? {_DIAPHRAGM}|{_DIAPHRAGM} (?:(?:is|are|appears?|mildly|slightly"
        rf"|somewhat) )*flatten(?:ed|ing)",
        r"increased (?:\w+ )?(?:ap|anteroposterior|retrosternal) (?:\w+ )?(?:diameter|air ?space|space)",
    ),
    "hypoinflation": (
        r"(?:(?:low|shallow|decreased|small|reduced|diminished) )+(?:lung )?volumes?|low volume (?:study|exam\w*|film|inspiration)?",
        r"hypo ?(?:inflat|aerat|ventilat|expan)\w+|under ?(?:inflat|expan|aerat)\w+",
        r"(?:shallow|poor|low|suboptimal|decreased|limited|incomplete) inspirat\w+(?: \w+)?|lung volumes? (?:(?:is|are|remain|appears?"
        r"|slightly|mildly|bilaterally) )+(?:low|small|decreased|reduced|diminished)",
    ),
    "hiatal_hernia": (r"(?:hiatal|hiatus|paraesophageal|para ?oesophageal|diaphragmatic) hernias?(?: \w+)?",),
    "scoliosis": (r"(?:dextro|levo|kypho)? ?scolio(?:sis|tic)(?: \w+)?|(?:dextro|levo) ?curv\w+|(?:rightward|leftward"
        r"|s ?shaped) (?:\w+ )?curv\w+"
        r"|(?:spine|spinal|thoracolumbar|thoracic) curvature|curvature of the (?:\w+ )?spine",),
    "kyphosis": (r"(?:hyper ?)?kypho(?:sis|tic)(?: curv\w+)?|kyphoscolio\w+",),
    "degenerative_spine": (
        r"spondylo\w+|spondylitic|osteophyt\w+|(?:bony |bone |osteophytic |marginal )?spurring|syndesmophyt\w+"
        r"|diffuse idiopathic skeletal hyperostosis",
        rf"degenerative (?:\w+ ){{0,4}}?{_SPINE}|{_SPINE}(?: \w+){{0,3}}? degenerative(?: \w+)?|degenerative (?:endplate|disc"
        rf"|disk)(?: \w+)?"
        r"|(?:disc|disk)(?: space)? (?:narrowing|degeneration)|ddd",
        r"degenerative (?:changes?|disease|osteophytes?)",
    ),
    "scarring": (r"scar(?:s|red|ring)?", r"fibro(?:sis|tic)(?: (?:changes?|scar\w*|opacit\w+))?", r"cicatri\w+"),
    "interstitial_pattern": (
        r"interstitial (?:\w+ )?(?:markings?|opacit\w+|patterns?|prominence|thickening|changes?|disease|infiltrates?|densit\w+"
        r"|coarsening|abnormalit\w+)",
        r"(?:prominent|coarse\w*|increased|prominence of|accentuated)(?: the)? (?:\w+ )?(?:interstitial(?: \w+)?|interstitium"
        r"|(?:bronchovascular|lung|pulmonary|basilar) (?:markings?|prominence))",
        r"reticul(?:ar|ation|onodular)(?: \w+)?|honeycomb\w*",
    ),
    "surgical_clips": (
        r"(?:surgical|metallic|cholecystectomy|vascular|hemostatic|post ?(?:surgical|operative)) (?:\w+ )?(?:clips?|sutures?|staples?"
        r"|wires?|material|changes?)",
        r"(?:clips|sutures?|suture (?:line|material)|staples?|cerclage)|(?:sternotomy|sternal|median sternotomy) (?:\w+ )?(?:wires?"
        r"|sutures?|changes?)|sternotom(?:y|ies)|cabg",
    ),
    "elevated_diaphragm": (
        rf"elevat(?:ed|ion)(?: of)?(?: the)?(?: \w+){{0,2}}? {_DIAPHRAGM}|{_DIAPHRAGM}(?: \w+)? (?:elevation|eventration)"
        rf"|eventration(?: of the)?(?: \w+){{0,2}}? {_DIAPHRAGM}",
        rf"{_DIAPHRAGM} (?:(?:is|are|appears?|remains?|mildly|slightly|again|asymmetrically|chronically) )+(?:elevated|raised|higher)"
        rf"|eventration|diaphragmatic eventration",
    ),
    "tortuous_aorta": (
        rf"(?:tortuous|tortuosity|ectatic|ectasia|uncoiled|unfolded|unfolding|uncoiling|dilated|elongat\w+)(?: \w+){{0,3}}? {_AORTA}",
        rf"{_AORTA} (?:(?:is|are|appears?|remains?|mildly|slightly|again|somewhat|markedly|moderately) )*(?:tortuous|tortuosity"
        rf"|ectatic|ectasia|uncoiled|unfolded|dilated)",
        r"tortuous|tortuosity",
    ),
    "bronchiectasis": (r"bronchiecta\w+",),
    "bulla": (r"bullae?|bullous(?: \w+)?|blebs?",),
    "osteopenia": (r"osteopeni\w+|osteoporo\w+|demineraliz\w+|demineralis\w+",),
    "adenopathy": (r"(?:lymph)?adenopath\w+|enlarged (?:\w+ )?(?:lymph )?nodes?|lymph ?node enlargement",),
    "pneumoperitoneum": (r"pneumoperitoneum|free (?:\w+ )?(?:intraperitoneal|subdiaphragmatic|abdominal|peritoneal) (?:air|gas)"
        r"|free air",),
}  # fmt: skip

NOT_THIS: Final[dict[str, str]] = {
    "lung_opacity": r"(?:bone|bony|soft tissue|breast|metallic|calcific) (?:\w+ )?(?:opacit|densit)\w+",
    "mass": r"(?:body|breast|soft tissue|left ventricular|adrenal|renal|thyroid) mass|mass effect|(?:history"
    r"|hx) of (?:\w+ ){0,3}?(?:carcinoma|malignancy|neoplasm|tumou?r)",
    "pneumonia": r"history of (?:\w+ )?pneumonia|(?:granulomatous|prior|previous|old|remote|tubercul\w+) (?:\w+ )?infection"
    r"|symptoms of infection",
    "support_device": r"(?:midline|base ?line|fracture line|suture line|clavicular line|pleural line|kerley \w+ lines?)|(?:removal"
    r"|removed) \w+",
    "calcification": r"(?:non ?calcified|calcified (?:\w+ )?granulom\w+|calcified nodules?|granulomatous calcifications?"
    r"|atheroscl\w+ calcif\w+|(?:aortic|vascular)(?: (?:arch|knob))? (?:wall )?calcif\w+"
    r"|calcif\w+ (?:\w+ ){0,4}?aort\w+)",
    "emphysema": r"(?:subcutaneous|soft tissue|mediastinal) emphysema",
    "granuloma": r"wegener\w*|granulomatosis",
    "hyperinflation": r"not hyper\w+",
    "scarring": r"cystic fibrosis",
    "tortuous_aorta": r"tortuous (?:vessels|great vessels|brachiocephalic \w+|esophagus)",
    "surgical_clips": r"sutures? (?:of|in) the skull",
}

DEVICES: Final = frozenset({"support_device", "surgical_clips"})
"""What somebody put there: a denial may say that it was taken away."""

NORMAL: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        r"\b(?:lungs?|lung fields?) (?:(?:are|is|appear|appears|remain|remains|both|and|pleural|spaces|otherwise|well|expanded|grossly"
        r"|bilaterally) )*(?:clear|normal|unremarkable)"
        r"|\bclear (?:\w+ )?lungs?|\bnormal (?:\w+ ){0,2}?chest\b",
        ("lung_opacity", "mass", "lung_lesion", "pneumonia"),
    ),
    (
        r"\b(?:cardio ?mediastin\w+|mediastin\w+)(?: (?:silhouette|contours?|structures?|and|hilar|hila|size|pulmonary|vasculature|are"
        r"|is|appears?|cardiac))*"
        r" (?:normal|unremarkable|within normal|stable)|\bnormal (?:\w+ ){0,4}?mediastin\w+",
        ("enlarged_cardiomediastinum",),
    ),
    (
        r"\b(?:osseous|bony|bones|skeletal|skeleton|visualized bones?)(?: (?:structures?|thorax|thoracic|and|soft|tissues|are|is|of"
        r"|the|appear|grossly|visualized))*"
        r" (?:intact|normal|unremarkable|within normal)|\bno (?:acute |significant |focal )*(?:bony|osseous|skeletal"
        r"|bone)(?: \w+)? (?:abnormalit\w+|findings?|lesions?)",
        ("fracture",),
    ),
)  # fmt: skip
