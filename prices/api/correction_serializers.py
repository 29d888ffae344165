"""What the API tells of corrections and of bars filled by hand, for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from prices.domain.answers import Why


class CorrectionOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The session of the bar.")
    field = serializers.CharField(help_text="open, high, low, close, volume; split, bars: of all.")
    old = serializers.FloatField(allow_null=True, help_text="Null: there was none.")
    new = serializers.FloatField(allow_null=True)
    reason = serializers.ChoiceField(choices=[why.value for why in Why])
    seen_at = serializers.DateTimeField()
    run = serializers.IntegerField(allow_null=True)


class OfferedOut(serializers.Serializer[Any]):
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.IntegerField()


class HandFilledOut(serializers.Serializer[Any]):
    date = serializers.DateField(help_text="The session of the bar.")
    by = serializers.CharField(help_text="Who gave it.")
    at = serializers.DateTimeField()
    note = serializers.CharField(help_text="Where it was taken from, in that person's words.")
    offered = OfferedOut(allow_null=True, help_text="What the provider says instead, if it does.")
    offered_at = serializers.DateTimeField(allow_null=True)


class CorrectionsOut(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    count = serializers.IntegerField()
    corrections = CorrectionOut(many=True)
    by_hand = HandFilledOut(many=True, help_text="Bars filled by hand, which no sync changes.")
