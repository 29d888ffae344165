"""Serializers that refuse what they do not know."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses parameters that it does not know, instead of ignoring a typing error."""

    def to_internal_value(self, data: Any) -> Any:
        if not hasattr(data, "keys"):
            raise serializers.ValidationError({"non_field_errors": ["Send a JSON object."]})
        unknown = sorted(set(data.keys()) - set(self.fields) - {"format"})
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError({unknown[0]: f"Not known here; known are: {known}."})
        return super().to_internal_value(data)


class NoQuery(StrictSerializer):
    pass


class ProblemOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    parameter = serializers.CharField(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]  # a field of the answer
        child=serializers.CharField(), required=False, help_text="What is wrong, by parameter."
    )
    hint = serializers.CharField(required=False)
