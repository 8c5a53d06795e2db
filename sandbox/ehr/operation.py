"""The input of an operation: a query string, or a Parameters resource with the same names (FHIR R4 operations.html)."""

from __future__ import annotations

from starlette.requests import Request

from sandbox.ehr.negotiation import read_resource
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.references import values


async def operation_input(request: Request) -> list[tuple[str, str]]:
    """Names and values as text, in order, repeated ones too.

    Raises:
        Refusal: 400 when the body is no Parameters, or has a parameter without a name or a plain value.
    """
    if request.method != "POST":
        return request.query_params.multi_items()
    body = await read_resource(request)
    if body["resourceType"] != "Parameters":
        raise Refusal(400, "the body must be a Parameters resource")
    return [_pair(each) for each in values(body, "parameter")]


def _pair(parameter: object) -> tuple[str, str]:
    if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
        raise Refusal(400, "a parameter without a name")
    value = next((each for name, each in parameter.items() if name.startswith("value")), None)
    if isinstance(value, dict):
        value = value.get("reference")
    if not isinstance(value, str | int):
        raise Refusal(400, "a parameter without a plain value")
    return parameter["name"], str(value).lower() if isinstance(value, bool) else str(value)
