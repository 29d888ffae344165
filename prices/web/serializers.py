"""Base serializers of both APIs; unknown parameters are errors."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Rejects unknown, empty and repeated parameters, so that none is ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            data = _once(data)
        unknown = sorted(set(data.keys()) - set(self.fields) - {"format"})
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError({unknown[0]: f"Unknown parameter. Known: {known}."})
        return super().to_internal_value(data)


def _once(query: QueryDict) -> dict[str, Any]:
    """Returns a query as the JSON object that it stands for. Of a form, DRF ignores empty values."""
    for name, values in query.lists():
        if len(values) > 1:
            raise serializers.ValidationError({name: "Given more than once. Send it once."})
    return query.dict()


class TextField(serializers.CharField):
    """A JSON string. DRF's field accepts numbers, and makes the symbol INF of 1e400."""

    default_error_messages = {"invalid": 'Not a string. Send it in quotes, as in "AAPL".'}  # noqa: RUF012

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class ShortListField(serializers.ListField):
    """A list that is not empty. Its length is checked before its items, which takes less long."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        # The schema knows only `min_length`, and `allow_empty` has the better sentence.
        super().__init__(max_length=max_length, min_length=1, allow_empty=False, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > (self.max_length or 0):
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


def validate(serializer: type[StrictSerializer], data: Any, **options: Any) -> dict[str, Any]:
    """Returns the validated data. :raises ValidationError: a 400 that names the parameters."""
    if not hasattr(data, "keys"):
        raise serializers.ValidationError({"non_field_errors": ["Send a JSON object."]})
    checked = serializer(data=data, **options)
    checked.is_valid(raise_exception=True)
    valid: dict[str, Any] = checked.validated_data
    return valid


class NoQuery(StrictSerializer):
    pass


class ProblemOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    parameter = serializers.CharField(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]  # a field of the answer
        child=serializers.CharField(), required=False, help_text="All errors, by parameter."
    )
    hint = serializers.CharField(required=False)
