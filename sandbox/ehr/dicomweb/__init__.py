"""The pretend hospital's image server: QIDO-RS and WADO-RS under the same tokens as FHIR (DICOM PS3.18, 8 and 10)."""
