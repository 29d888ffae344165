"""The errors, the optional login and the media types in the OpenAPI schema."""

from typing import Any

from django.conf import settings

_ANYWHERE = ("400", "401", "406", "415", "503")
_CHANGES = (*_ANYWHERE, "403", "408", "413")
_PROBLEM = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}
_JSON, _ANY = "application/json", "*/*"
_PUBLIC = "/cache/"


def document_rules(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Adds what holds for every endpoint: its errors, who may read it, and how bodies are sent.

    An error with a schema of its own keeps it.
    """
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            _document_errors(operation["responses"], is_read=method == "get")
            operation["responses"] = dict(sorted(operation["responses"].items()))
            bodies = operation.get("requestBody", {}).get("content", {})
            if _ANY in bodies:  # Every body is read as JSON, but that is the type to send.
                bodies[_JSON] = bodies.pop(_ANY)
            if method == "get" and path.startswith(_PUBLIC) and settings.PUBLIC_READS:
                operation["security"] = [*operation.get("security", []), {}]
    return result


def _document_errors(responses: dict[str, Any], *, is_read: bool) -> None:
    for status in _ANYWHERE if is_read else _CHANGES:
        responses.setdefault(status, {"description": ""})
    for status, response in responses.items():
        if status >= "400":
            own = list(response.get("content", {}).values())
            response["content"] = {"application/problem+json": own[0] if own else _PROBLEM}
