"""The words of the report writer, in our own prose: one table of sentences for each finding, present and absent.

Placeholders: {side} left or right, {lobe}, {zone}, {mm}, {size}, {device}. A table's key is (finding key, form); the form is the size,
or "both" for a finding on both sides, or "any".
"""

from __future__ import annotations

PRESENT: dict[tuple[str, str], tuple[str, ...]] = {
    ("pleural_effusion", "small"): (
        "There is a small {side} pleural effusion.",
        "Blunting of the {side} costophrenic angle, in keeping with a small pleural effusion.",
        "The {side} costophrenic sulcus is blunted by a small amount of pleural fluid.",
        "Small {side}-sided pleural effusion.",
        "A little fluid is seen in the {side} pleural space, with loss of the normally sharp costophrenic angle.",
        "Minor blunting at the {side} base laterally, consistent with a small effusion.",
    ),
    ("pleural_effusion", "moderate"): (
        "There is a moderate {side} pleural effusion.",
        "A moderate {side} pleural effusion obscures the hemidiaphragm.",
        "Opacity at the {side} base with a meniscus, consistent with a moderate pleural effusion.",
        "Moderately sized {side} pleural effusion with a meniscus along the lateral chest wall.",
        "Pleural fluid of moderate amount layers at the {side} base.",
        "The {side} hemidiaphragm is lost behind a moderate effusion.",
    ),
    ("pleural_effusion", "large"): (
        "There is a large {side} pleural effusion.",
        "Dense opacification of the lower {side} hemithorax with a meniscus, consistent with a large pleural effusion.",
        "A large {side} pleural effusion leaves only the upper part of that lung aerated.",
        "Extensive {side} pleural fluid opacifies much of the hemithorax.",
        "Large {side}-sided effusion with slight displacement of the mediastinum away from it.",
    ),
    ("pleural_effusion", "both"): (
        "There are {size} bilateral pleural effusions.",
        "Bilateral pleural effusions, {size} in size.",
        "Both costophrenic angles are blunted, in keeping with {size} bilateral effusions.",
        "Pleural fluid is present on both sides, {size} in amount.",
    ),
    ("pneumothorax", "small"): (
        "There is a small {side} apical pneumothorax.",
        "A fine pleural line is visible at the {side} apex, with no lung markings beyond it: small pneumothorax.",
        "Small {side} pneumothorax, without mediastinal shift.",
        "A thin rim of air separates the {side} lung apex from the chest wall, consistent with a small pneumothorax.",
    ),
    ("pneumothorax", "moderate"): (
        "There is a moderate {side} pneumothorax.",
        "A visceral pleural line is seen along the {side} lung; moderate pneumothorax.",
        "Moderate {side}-sided pneumothorax, the mediastinum remaining central.",
        "The {side} lung has come away from the chest wall, with a moderate pneumothorax.",
    ),
    ("pneumothorax", "large"): (
        "There is a large {side} pneumothorax with collapse of the underlying lung.",
        "Large {side} pneumothorax; the lung is collapsed around its hilum.",
        "A large collection of pleural air on the {side} with marked lung collapse, without mediastinal shift.",
        "Extensive {side}-sided pneumothorax.",
    ),
    ("pneumothorax", "both"): ("There are {size} bilateral pneumothoraces.", "Pneumothorax on both sides, {size} in size."),
    ("tension_pneumothorax", "any"): (
        "Large {side} pneumothorax with shift of the mediastinum away from it and depression of the hemidiaphragm: tension pneumothorax.",
        "There is a {side} tension pneumothorax with a collapsed lung, and the mediastinum is displaced to the {other}.",
        "Hyperlucent {side} hemithorax, the heart and trachea pushed to the {other}; findings of a tension pneumothorax.",
        "Tension pneumothorax on the {side} with contralateral mediastinal shift.",
    ),
    ("consolidation", "small"): (
        "There is a small area of consolidation in the {lobe} lobe.",
        "Patchy airspace opacity in the {lobe} lobe, consistent with early consolidation.",
        "A small focus of airspace shadowing is seen in the {lobe} lobe.",
        "Subtle hazy opacity projects over the {lobe} lobe, in keeping with a small consolidation.",
    ),
    ("consolidation", "moderate"): (
        "There is consolidation in the {lobe} lobe with air bronchograms.",
        "Airspace opacity in the {lobe} lobe, consistent with pneumonia in the right setting.",
        "Confluent airspace shadowing occupies part of the {lobe} lobe.",
        "Focal consolidation of the {lobe} lobe.",
        "Ill-defined airspace opacification within the {lobe} lobe.",
    ),
    ("consolidation", "large"): (
        "There is extensive consolidation of the {lobe} lobe.",
        "Dense consolidation throughout most of the {lobe} lobe with air bronchograms.",
        "The {lobe} lobe is largely opacified by airspace disease.",
        "Lobar consolidation in the {lobe} lobe.",
    ),
    ("consolidation", "both"): (
        "Bilateral lower lobe consolidation.",
        "There is airspace opacity in both lower lobes.",
        "Consolidation is present at both bases.",
    ),
    ("cardiomegaly", "small"): (
        "The heart is mildly enlarged.",
        "Mild cardiomegaly.",
        "The cardiac silhouette is slightly enlarged.",
        "Mild enlargement of the cardiac silhouette, with a slightly increased cardiothoracic ratio.",
    ),
    ("cardiomegaly", "moderate"): (
        "The heart is enlarged.",
        "Enlarged cardiac silhouette.",
        "There is moderate cardiomegaly.",
        "The cardiothoracic ratio is increased, in keeping with cardiomegaly.",
        "The transverse diameter of the heart is increased.",
    ),
    ("cardiomegaly", "large"): (
        "The heart is markedly enlarged.",
        "Marked cardiomegaly.",
        "There is gross enlargement of the cardiac silhouette.",
        "Severe enlargement of the heart.",
    ),
    ("pulmonary_edema", "small"): (
        "There is mild pulmonary oedema.",
        "Vascular congestion with Kerley B lines, in keeping with mild interstitial oedema.",
        "Mild interstitial oedema with prominence of the upper lobe vessels.",
        "Indistinct perihilar vessels and septal lines, consistent with mild pulmonary oedema.",
    ),
    ("pulmonary_edema", "moderate"): (
        "There is moderate pulmonary oedema.",
        "Perihilar haze and septal lines in both lungs, consistent with pulmonary oedema.",
        "Bilateral perihilar opacity with vascular redistribution, in keeping with pulmonary oedema.",
        "Pulmonary vascular congestion with interstitial and early alveolar oedema.",
    ),
    ("pulmonary_edema", "large"): (
        "There is severe pulmonary oedema.",
        "Dense perihilar opacification in a bat-wing distribution, consistent with alveolar pulmonary oedema.",
        "Widespread symmetrical opacity centred on the hila, in keeping with florid pulmonary oedema.",
        "Marked alveolar oedema in both lungs.",
    ),
    ("nodule", "any"): (
        "There is {a_mm} {mm} mm nodule in the {side} {zone} zone.",
        "A rounded opacity of {mm} mm projects over the {side} {zone} zone, consistent with a pulmonary nodule.",
        "{side_cap} {zone} zone pulmonary nodule measuring about {mm} mm.",
        "A well-defined nodule of approximately {mm} mm lies in the {zone} zone of the {side} lung.",
        "Solitary nodular opacity, {mm} mm across, in the {side} {zone} zone.",
    ),
    ("atelectasis", "small"): (
        "There is minor linear atelectasis in the {lobe} lobe.",
        "A thin band of plate-like atelectasis crosses the {lobe} lobe.",
        "Linear opacity in the {lobe} lobe, in keeping with subsegmental atelectasis.",
        "Discoid atelectasis in the {lobe} lobe.",
    ),
    ("atelectasis", "moderate"): (
        "There are bands of atelectasis in the {lobe} lobe.",
        "Several linear opacities in the {lobe} lobe, consistent with subsegmental atelectasis.",
        "Plate-like atelectasis in the {lobe} lobe.",
        "Bandlike atelectatic change is seen in the {lobe} lobe.",
    ),
    ("atelectasis", "large"): (
        "There is collapse of the {lobe} lobe with volume loss and shift of the mediastinum towards it.",
        "{lobe_cap} lobe atelectasis with elevation of the {side} hemidiaphragm.",
        "Volume loss on the {side} with opacity of the collapsed {lobe} lobe; lobar atelectasis.",
        "Complete atelectasis of the {lobe} lobe.",
    ),
    ("atelectasis", "both"): (
        "Bibasal atelectasis.",
        "There is linear atelectasis at both lung bases.",
        "Bands of atelectasis in both lower lobes.",
    ),
    ("malpositioned_device", "endotracheal tube"): (
        "The tip of the endotracheal tube lies in the right main bronchus and the tube is malpositioned.",
        "Endotracheal tube malpositioned, its tip beyond the carina in the right main bronchus.",
        "Right mainstem intubation: the endotracheal tube should be withdrawn.",
    ),
    ("malpositioned_device", "nasogastric tube"): (
        "The nasogastric tube is malpositioned, following the right main bronchus with its tip over the right lung.",
        "Malpositioned nasogastric tube: it enters the right bronchial tree and must not be used.",
        "The nasogastric tube does not follow the oesophagus; its tip projects over the right lower lung, a malposition.",
    ),
    ("malpositioned_device", "central line"): (
        "The central venous catheter is malpositioned, with its tip outside the superior vena cava.",
        "Malposition of the central line: the tip does not lie in the superior vena cava.",
        "The tip of the central venous line projects away from the cavoatrial junction and should be repositioned.",
    ),
    ("pacemaker", "any"): (
        "A {side} chest wall pacemaker is in place with two leads.",
        "{side_cap}-sided cardiac pacemaker with right atrial and right ventricular leads.",
        "Dual lead cardiac pacemaker, with the generator over the {side} chest.",
        "There is a cardiac pacemaker with its generator in the {side} pectoral region.",
    ),
}

HEDGED: dict[tuple[str, str], tuple[str, ...]] = {
    ("pleural_effusion", "small"): (
        "Blunting of the {side} costophrenic angle may represent a small pleural effusion.",
        "A small {side} pleural effusion cannot be excluded.",
        "Possible small {side} pleural effusion.",
    ),
    ("pneumothorax", "small"): (
        "A faint line at the {side} apex may represent a small pneumothorax.",
        "A small {side} apical pneumothorax is suspected.",
    ),
    ("consolidation", "small"): (
        "Patchy opacity in the {lobe} lobe may represent early consolidation.",
        "Subtle {lobe} lobe opacity; early consolidation cannot be excluded.",
        "Questionable airspace opacity in the {lobe} lobe, possibly consolidation.",
    ),
    ("pulmonary_edema", "small"): (
        "Vascular prominence and septal lines may reflect mild interstitial oedema.",
        "Findings are suggestive of mild pulmonary oedema.",
    ),
    ("atelectasis", "small"): (
        "Linear opacity in the {lobe} lobe probably represents atelectasis.",
        "Minor {lobe} lobe opacity, likely atelectasis.",
    ),
}

SHORT: dict[tuple[str, str], tuple[str, ...]] = {
    ("pleural_effusion", "any"): ("{size_cap} {side} pleural effusion.", "{side_cap}-sided pleural effusion, {size}."),
    ("pleural_effusion", "both"): ("{size_cap} bilateral pleural effusions.", "Bilateral pleural effusions."),
    ("pneumothorax", "any"): ("{size_cap} {side} pneumothorax.", "{side_cap}-sided pneumothorax, {size}."),
    ("pneumothorax", "both"): ("Bilateral pneumothoraces.",),
    ("tension_pneumothorax", "any"): (
        "{side_cap} tension pneumothorax; urgent decompression needs to be considered.",
        "Tension pneumothorax on the {side}, communicated as a critical result.",
    ),
    ("consolidation", "any"): (
        "{lobe_cap} lobe consolidation.",
        "Consolidation in the {lobe} lobe, most likely infective.",
        "{lobe_cap} lobe airspace opacity.",
    ),
    ("consolidation", "both"): ("Bilateral lower lobe consolidation.", "Bibasal consolidation."),
    ("cardiomegaly", "any"): ("Cardiomegaly.", "Enlarged cardiac silhouette.", "Cardiac enlargement."),
    ("pulmonary_edema", "any"): ("Pulmonary oedema, {degree}.", "{degree_cap} pulmonary oedema."),
    ("nodule", "any"): (
        "{side_cap} {zone} zone nodule of {mm} mm.",
        "{mm} mm pulmonary nodule, {side} {zone} zone; CT may help to characterise it.",
    ),
    ("atelectasis", "any"): ("{lobe_cap} lobe atelectasis.", "Atelectasis in the {lobe} lobe."),
    ("atelectasis", "both"): ("Bibasal atelectasis.",),
    ("malpositioned_device", "any"): ("Malpositioned {device}.", "{device_cap} malposition; repositioning is advised."),
    ("pacemaker", "any"): ("Cardiac pacemaker in place.", "{side_cap}-sided pacemaker."),
}

ABSENT: dict[str, tuple[str, ...]] = {
    "pleural_effusion": (
        "No pleural effusion.",
        "The costophrenic angles are sharp.",
        "There is no pleural fluid.",
        "Both costophrenic sulci are clear, without effusion.",
        "No evidence of pleural effusion.",
        "Pleural effusion is absent.",
    ),
    "pneumothorax": ("No pneumothorax.", "There is no evidence of pneumothorax.", "No pneumothorax is seen.", "Negative for pneumothorax."),
    "consolidation": (
        "No focal consolidation.",
        "There is no airspace opacity.",
        "The lungs are free of consolidation.",
        "No evidence of focal airspace disease.",
        "No consolidation is identified.",
    ),
    "cardiomegaly": (
        "Heart size is normal.",
        "The cardiac silhouette is not enlarged.",
        "The heart is normal in size.",
        "Normal cardiothoracic ratio.",
        "No cardiomegaly.",
        "The cardiac silhouette is within normal limits.",
    ),
    "pulmonary_edema": (
        "No pulmonary oedema.",
        "The pulmonary vasculature is normal.",
        "No evidence of vascular congestion.",
        "There are no signs of failure or oedema.",
    ),
    "nodule": ("No suspicious nodule.", "No pulmonary nodule or mass is seen.", "There is no discrete nodule."),
    "atelectasis": ("No atelectasis.", "There is no collapse or volume loss.", "No evidence of atelectasis."),
    "pacemaker": ("No implanted cardiac device.",),
}

LISTED: dict[str, str] = {
    "consolidation": "focal consolidation",
    "pleural_effusion": "pleural effusion",
    "pneumothorax": "pneumothorax",
    "pulmonary_edema": "pulmonary oedema",
}
LISTS = ("No {list}.", "There is no {list}.", "No evidence of {list}.", "The examination is negative for {list}.", "{list} is not seen.")

CLEAR = (
    "The lungs are clear.",
    "Both lungs are well expanded and clear.",
    "Clear lungs bilaterally.",
    "The lungs are clear and well aerated.",
)
BONES = (
    "The visualised bones are unremarkable.",
    "No acute bony abnormality.",
    "The osseous structures are intact.",
    "Bones and soft tissues are unremarkable.",
)
MEDIASTINUM = (
    "The mediastinal contours are normal.",
    "Mediastinal and hilar contours are unremarkable.",
    "The mediastinum is central and not widened.",
    "The hila are normal.",
)
NORMAL = (
    "No acute cardiopulmonary abnormality.",
    "Normal chest radiograph.",
    "No acute cardiopulmonary process.",
    "No active disease in the chest.",
    "Unremarkable chest radiograph.",
    "No radiographic evidence of acute disease.",
    "Clear chest.",
)
PLACED: dict[str, tuple[str, ...]] = {
    "endotracheal tube": (
        "The endotracheal tube tip lies above the carina in good position.",
        "Endotracheal tube in satisfactory position.",
        "Endotracheal tube with its tip appropriately above the carina.",
    ),
    "nasogastric tube": (
        "The nasogastric tube passes below the diaphragm into the stomach.",
        "Nasogastric tube in satisfactory position.",
        "Enteric tube with its tip in the stomach.",
    ),
    "central line": (
        "The central venous catheter ends in the superior vena cava.",
        "Right jugular central line in satisfactory position.",
        "Central line tip at the level of the superior vena cava.",
    ),
}

NEW = ("This is new since the prior study.", "It was not present on the previous examination.", "New since the previous radiograph.")
SAME = (
    "Unchanged from the prior study.",
    "This is stable compared with the previous examination.",
    "No significant change since the prior radiograph.",
)
MORE = (
    "This has increased since the prior study.",
    "It is larger than on the previous examination.",
    "Worse than on the prior radiograph.",
)
LESS = (
    "This has decreased since the prior study.",
    "It is smaller than on the previous examination.",
    "Improved since the prior radiograph.",
)
GONE = (
    "The previously seen {what} has resolved.",
    "Interval resolution of the {what}.",
    "The {what} of the prior study is no longer seen.",
)

TECHNIQUE: dict[str, tuple[str, ...]] = {
    "PA": ("Frontal (PA) radiograph of the chest.", "Single PA view of the chest.", "Erect PA chest radiograph."),
    "AP": ("Portable AP radiograph of the chest.", "Single AP view of the chest.", "Bedside AP chest radiograph."),
    "LATERAL": ("Lateral radiograph of the chest.", "Single lateral view of the chest."),
}
