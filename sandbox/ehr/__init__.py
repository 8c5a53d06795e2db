"""The pretend hospital's server: FHIR R4 REST, a SMART authorization server and Bulk Data, strict enough that a sloppy client fails."""
