"""FHIR R4 over HTTP (hl7.org/fhir/R4 http.html, search.html): capability, read, search, paging, create, update, one patient's pull."""
