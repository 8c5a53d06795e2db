"""Words that tell a name: who is announced by it, what follows it, common given names, and what is never a name."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    """Phrases with commas between them; a line may end within one."""
    return tuple(" ".join(one.split()) for one in text.split(","))


PARTICLES = _words(
    """
    van von de del della der den di da dos la le el al bin ibn ter ten zu af
    """
)
"""Small words within a family name."""

ROLES = _phrases(
    """
    patient, patientin, pt, referring physician, referring provider, referring doctor, referring md, referrer, attending, attending
    physician, attending md, ordering physician, ordering provider, ordering md, authorizing provider, authorising provider, primary
    provider, primary care provider, primary care physician, pcp, general practitioner, radiologist, reporting radiologist,
    interpreting radiologist, reading physician, registrar, resident, fellow, supervisor, consultant, technologist, radiographer,
    sonographer, surgeon, pathologist, cardiologist, oncologist, anesthesiologist, anaesthetist, nurse, transcriptionist, typist,
    electronically signed, electronically signed by, requesting physician, requesting provider, next of kin, emergency contact,
    contact person, guardian, responsible party, guarantor, arzt, befunder, überweiser, zuweiser
    """
)
"""Who is named after it, with a colon or without."""

LABELS = _phrases(
    """
    pat, subject, client, gp, provider, physician, reader, tech, operator, assistant, author, signed, signature, clinician,
    requester, recipient, caregiver, carer, mother, father, employer, insured, subscriber, policy holder, to, from, cc, attn, re,
    contact, sender, doctor, seen by, referred by, copy to, copies to
    """
)
"""Who is named after it and a colon."""

KIN = _words(
    """
    husband wife son daughter mother father brother sister partner spouse guardian caregiver carer neighbou?r friend aunt uncle
    niece nephew cousin grandson granddaughter grandmother grandfather fianc[ée]e? stepson stepdaughter
    """
)
"""Regular expressions of who is named after it in a family history."""

CREDENTIALS = _words(
    """
    MD M.D. M.D DO D.O. RN R.N. NP PA-C PhD Ph.D. FRCR FRCP FRCS MBBS MBChB FACR FRANZCR FRCPC DNP ARNP APRN CRNP BSN RT(R) RTR ARRT
    DPM DDS DMD PharmD MSN CNP CRNA LPN RT R.T. MPH FACS FACC
    """
)
"""What follows a name."""

GIVEN_NAMES = _words(
    """
    James John Robert Michael William David Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Donald Steven Paul
    Andrew Joshua Kenneth Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen
    Larry Justin Scott Brandon Benjamin Samuel Gregory Raymond Patrick Alexander Jack Dennis Jerry Tyler Aaron Jose José Adam Nathan
    Henry Peter Zachary Kyle Walter Ethan Jeremy Harold Keith Roger Gerald Carl Terry Sean Arthur Lawrence Albert Mary Patricia
    Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Betty Margaret Sandra Ashley Kimberly Emily Donna Michelle
    Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia Dorothy Amy Kathleen Angela Shirley Emma Brenda Pamela
    Nicole Anna Samantha Katherine Christine Helen Debra Rachel Carolyn Janet Maria María Catherine Heather Diane Olivia Julie Joyce
    Victoria Ruth Virginia Lauren Kelly Christina Joan Evelyn Judith Andrea Hannah Megan Cheryl Jacqueline Martha Madison Teresa
    Gloria Sara Janice Ann Anne Kathryn Abigail Sophia Sophie Frances Jean Alice Judy Isabella Julia Denise Amber Danielle Marilyn
    Beverly Charlotte Natalie Theresa Diana Brittany Jane Hans Klaus Jürgen Wolfgang Heinrich Friedrich Ludwig Stefan Matthias
    Ursula Monika Petra Sabine Renate Helga Ingrid Heike Claudia Birgit Katharina Pierre Jacques Claire Camille Giovanni Giulia Luca
    Marco Carlos Luis Juan Miguel Antonio Francisco Carmen Lucia Elena Sofia Ivan Olga Natalia Dmitri Sergei Mohammed Muhammad
    Mohamed Ahmed Ali Fatima Aisha Omar Hassan Ibrahim Yusuf Leila Priya Rahul Anil Sanjay Deepak Amit Ravi Wei Ming Yuki Hiroshi
    Kenji Chinedu Ngozi Kwame Oliver Lucas Noah Liam Mateo Martin Simon Philip Louis Oscar Bruce Douglas Ralph Eugene Howard Craig
    Alan Shawn Derek
    """
)
"""Common ones that are no word of a report: no Frank, Mark, Grace or May."""

NOT_NAMES = frozenset(
    _words(
        """
    a abdomen abdominal abnormal above accession account acute addendum address adenocarcinoma adequate admission adrenal african
    after again age ago agree agrees airspace airway all also am american an anaesthesia and anesthesia aneurysm angiogram
    angiography angle anonymised anonymized anonymous another anterior any aorta aortic ap apex apical approved apr apt archive are
    arm arrow arrowhead arrowheads arrows artefact arterial arteriogram artery artifact as asian assess assessment associate
    association asterisk asterisks at atelectasis atrial atrophy attending aug authorizing automated ave avenue axial axillary back
    barcode barium basal base bases basilar be bearing because bedside been before being below beneficiary benign best between
    bilateral biopsy birth black bladder blue blvd board body bone bones bony both bottom boulevard bow bowel boy brace brachial
    brain breast breath bright british bronchi bronchial bronchus building but by calcification calcifications calcified call called
    can canal carcinoma card cardiac cardiology cardiomegaly care carina carotid carpal case cases catheter ccu center centre
    cerebral certificate cervical chamber chemotherapy chest chf chief chills chronic city claim class clear clinic clinical
    clinician clinicians clip clips closed cm colon color colour comment comments committee common compared comparison complete
    component compression computer concern conclusion congestion consistent consolidation consultant contacted contour contours
    contrast copd coronal coronary cortical costophrenic cough could country county court covid covid-19 cr critical ct cta current
    curved cyst cystic dark dashed date daughter day days dear dec december decreased degenerative demonstrated demonstrates denies
    densities density department dept dermatology desk device diagnostic diaphragm dictated dictating did different diffuse digital
    dilatation dilation dilute direct discharge discussed disease divergent do dob doctor doctors document does doppler dorsal dose
    dotted double dragon drain drive driver driver's duodenal duplex during dx dyspnea dyspnoea e-mail each east eastern echo
    echocardiogram echocardiography ed edema effusion effusions either electronically email embolism emergency emphysema encounter
    enhanced enhancing er erect esophageal esophagus european evaluate evaluation exam examination examinations examiner expiration
    exposure extension extensive external failure fall family fast fat father fax feb february fellow female femoral femur fever
    fibrosis fibula fig figure film films final finding findings fissure flexion floor fluoroscopy focal follow follow-up followup
    foot for forearm fracture fractures free french fri friday from front frontal functional gallbladder gamma gastric
    gastroenterology gender general generator german girl given gland globus good grade gradient graft granuloma green group
    gynecology had haematology haemorrhage hand has have he head healing health heart hematology hematoma hemidiaphragm hemorrhage
    hepatic hepatology her hers high hila hilar hilum him his histiocytosis history hiv hollow home hospital hours however humeral
    humerus husband hypoglossal i icu id identifier if iliac image images imaging impression improved in incidental increased index
    indication infarct infarction inferior infiltrate infiltrates informed inguinal initial injury inpatient insertion inspiration
    institute insurance intact intensity intensive interim internal interpreted interpreting interstitial interval interventional
    into intracranial involvement is isolated it its jan january jugular jul july jun junior kg kidney kidneys knife know known lab
    laboratory lane large lateral least left leg length lesion lesions less level levels licence license likely limited line lines
    little liver lobe lobes location long low lower lucency lumbar lung lungs lymphoma magnetic mail male malignant mammogram man
    mar march marked marrow mass masses may md me medial mediastinal mediastinum medical medicine member mesenteric metastases
    metastasis metastatic mg micu middle might mild minimal mitral ml mm moderate mon monday month months more most mother mr mra
    mri mrn mucosa multiple must my myocardial n/a na nail neck negative neither neoplasm nephrology neurology neurosurgery new nicu
    no nodule nodules none normal north northern not note noted notes notified nov november now np nuclear number numbers nurse
    nurses obstetrics occipital occlusion oct october oedema oesophagus of off office old on oncology only opacification opacities
    opacity open or orange order ordered ordering orthopaedics orthopedics osseous other our outflow outpatient ovarian ovary over
    overall pa pacemaker paediatrics paged pager pain pallidus pancreas parietal partial passport pathology patient patients peak
    pediatrics pelvic pelvis penetrated per performed perfusion persistent pet pharmacy phd phone physician physicians picc picu
    place placement plan plate please pleura pleural pm pneumonia pneumothorax policy popliteal port portable portal position
    positive possible post post-operative postal posterior postoperative powerscribe pre-operative preliminary preoperative
    presented presenting presents previous primary prior probable process professor prostate protocol provider providers psychiatry
    pulmonary pulmonology pulsed quality question radial radiation radiograph radiographs radiography radiologist radiologists
    radiology radius ratio rd read reading reality recent recognition recommended recommends record records red redacted reference
    referred referring regards region removal renal report reported reporting reports requested requisition resection residence
    resident residents resonance result resulted results revealed reveals reviewed rib ribs right rn road rod room rotated rule
    sacral sagittal same sarcoma sars-cov-2 sat saturday saw scan scans scarring school score screw search section security see seen
    senior sep sept september serial series service services severe sex shape she short shortness should show showed showing shows
    sicu side sign signal signed significant signs silhouette since sincerely single sinus size skeletal slice small so social
    society soft software solid son south southern space specimen spin spine spleen splenic ssn st stable staff stage staging star
    stars started state stated states status ste steady stenosis stent stomach straight street strong structure structures studies
    study subclavian suboptimal subscriber subtotal subtraction such suite summary sun sunday superior supine suppressed surgeon
    surgeons surgery swiss syndrome system table taken tarsal tb team teams technique technologist tel temporal test tests than
    thank thanks that the their them then therapy there these they thick thickening thin this thoracic thorax those thrombosis
    thrombus through thu thursday thyroid tibia tibial time tip tissue tissues to today tomography tomorrow top total town trace
    trachea tracheal tract transabdominal transcribed transcriptionist transesophageal transplant transthoracic transvaginal trauma
    treatment tricuspid triple true tube tuberculosis tue tuesday tumor tumour type ulna ulnar ultrasound unavailable unchanged
    under unit university unknown unlikely unremarkable until up upon upper upright urology us uterus valve vascular vasculature
    vein venogram venography venous ventral ventricular verbal verified vertebral very via view views virtual visit visualised
    visualized voice volume volumes wall ward was we wed wednesday week weeks weight weighted were west western when where which
    while white who whom whose widespread wife will wire wires wise with within without woman worsened would wound x-ray xr xray
    year years yellow yes yesterday you young your zone
    """
    )
)
"""In small letters: what a capital letter alone does not make a name. Grammar, what people do in reports, who is not named, body, image,
finding, calendar, places."""

AMBIGUOUS = frozenset(
    _words(
        """
    april august bill case field grace hope june long mark may rose will
    """
    )
)
"""Names that are also words: taken where they are announced, and nowhere else."""

SECTIONS = frozenset(
    _words(
        """
    abbreviations abdomen allergies allergy arrow arrows assessment bones case chest clinical comment comments comparison complaint
    conclusion conclusions contrast diagnoses diagnosis exam examination fig figure finding findings heart history impression
    indication indications information left legend lesion location lungs mediastinum medications note notes opinion panel pelvis
    plan problem problems procedure protocol question reason recommendation recommendations result results right site study summary
    symptoms technique type view
    """
    )
)
"""Words of labels after which a report goes on, and nobody is named."""
