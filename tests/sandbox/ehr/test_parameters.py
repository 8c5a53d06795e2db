"""The table of search parameters: what it names must be R4."""

from __future__ import annotations

import pytest
from fhir.resources.R4B import get_fhir_model_class

from sandbox.ehr.parameters import PARAMETERS


@pytest.mark.parametrize("type_", PARAMETERS)
def test_each_path_begins_with_an_element_of_its_type(type_: str) -> None:
    elements = {field.alias or name for name, field in get_fhir_model_class(type_).model_fields.items()}
    named = {path.partition(".")[0] for each in PARAMETERS[type_].values() for path in each.paths}
    assert named <= elements


def test_each_parameter_is_listed_under_its_own_name_and_patients_point_at_patients() -> None:
    for known in PARAMETERS.values():
        assert all(name == each.name for name, each in known.items())
        assert "patient" not in known or known["patient"].target == "Patient"
        assert {"_id", "_lastUpdated"} <= known.keys()
