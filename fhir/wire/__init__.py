"""How anything is asked over HTTP: whom, with which token, how often, for how long, and how much of an answer is taken.

Knows no FHIR, DICOM or OAuth: the folders beside it (`fhir/rest`, `fhir/dicomweb`, `fhir/smart`, `fhir/bulk`) speak those through it.
"""
