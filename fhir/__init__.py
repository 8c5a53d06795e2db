"""What the record says: FHIR R4 resources, one patient's chart, and its imaging."""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
