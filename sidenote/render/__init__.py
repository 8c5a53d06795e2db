"""A review as a person or a program reads it: terminal, JSON, a self-contained page, a FHIR Bundle."""
