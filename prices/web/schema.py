"""The errors in the OpenAPI schema."""

from typing import Any

_ANYWHERE = ("400", "401", "406", "503")
_CHANGES = (*_ANYWHERE, "403", "408", "413")
_PROBLEM = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}


def document_errors(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Adds the errors that every endpoint may answer, and gives all errors their media type."""
    for methods in result["paths"].values():
        for method, operation in methods.items():
            responses = operation["responses"]
            for status in _ANYWHERE if method == "get" else _CHANGES:
                responses.setdefault(status, {"description": ""})
            for status, response in responses.items():
                if status >= "400":
                    response["content"] = {"application/problem+json": _PROBLEM}
            operation["responses"] = dict(sorted(responses.items()))
    return result
