"""The forms that track a symbol, fill a gap by hand, and change tags."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.dateparse import parse_date
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import MARKETS, UnknownMarket, resolve
from prices.domain.quotas import QuotaReached
from prices.domain.wording import one_line
from prices.models import Tag, TrackedSymbol
from prices.symbols.tracking import check_spelling, check_user_quota, resolve_row

_MARKET_CHOICES = [
    ("", "Known from the spelling of the symbol"),
    *((market.name, f"{market.name} - {market.title}") for market in MARKETS.values()),
]
_NO_AUTOCOMPLETE = {"autocomplete": "off"}


def parse_day(text: str | None) -> date | None:
    """Returns a date of an address or a button, or None if it is not a date."""
    try:
        return parse_date(text or "")
    except ValueError:
        return None


def _price_field() -> forms.FloatField:
    widget = UnfoldAdminTextInputWidget({"inputmode": "decimal", **_NO_AUTOCOMPLETE})
    return forms.FloatField(widget=widget)


class TrackForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A symbol as a user types it; the cleaned data hold its canonical spelling."""

    symbol = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget({"autofocus": True, **_NO_AUTOCOMPLETE}),
        help_text="As Yahoo spells it (AAPL, VOD.L, BTC-USD), or without suffix and with a market.",
    )
    market = forms.ChoiceField(
        choices=_MARKET_CHOICES, required=False, widget=UnfoldAdminSelectWidget()
    )

    user: User | None = None

    class Meta:
        model = TrackedSymbol
        fields = ("symbol", "market")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            canonical, known = resolve(data["symbol"], data["market"])
            check_spelling(canonical)
            check_user_quota([canonical], self.user)
        except QuotaReached as error:
            self.add_error(None, str(error))
        except InvalidSymbol as error:
            self.add_error("symbol", str(error))
        except UnknownMarket as error:
            self.add_error("market", str(error))
        else:
            data |= {"symbol": canonical, "market": known.name if known else ""}
            if (row := resolve_row(canonical)) is not None:
                renamed = "" if row.symbol == canonical else f" (now {row.symbol})"
                self.add_error("symbol", f"{canonical}{renamed} is already tracked.")
        return data


class FillForm(forms.Form):
    """One bar that a user read elsewhere."""

    open = _price_field()
    high = _price_field()
    low = _price_field()
    close = _price_field()
    volume = forms.IntegerField(
        min_value=0,
        max_value=2**62,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric", **_NO_AUTOCOMPLETE}),
        help_text="0 if it is not known.",
    )
    note = forms.CharField(
        label="Source",
        max_length=200,
        widget=UnfoldAdminTextInputWidget(_NO_AUTOCOMPLETE),
        help_text="Where you found the prices. It is stored with the bar.",
    )

    def clean_note(self) -> str:
        return one_line(self.cleaned_data["note"], 200)

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.cleaned_data[name] for name in ("open", "high", "low", "close", "volume"))


def _tags_field() -> forms.ModelMultipleChoiceField[Tag]:
    return forms.ModelMultipleChoiceField(
        Tag.objects.all(), required=False, widget=forms.CheckboxSelectMultiple
    )


class TagForm(forms.Form):
    """The tags to add to and to remove from the chosen symbols."""

    add = _tags_field()
    remove = _tags_field()
    new = forms.CharField(
        label="New tag",
        required=False,
        max_length=32,
        widget=UnfoldAdminTextInputWidget(_NO_AUTOCOMPLETE),
        help_text="Added, and created first if no tag has this name.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not any(data.get(name) for name in ("add", "remove", "new")):
            raise forms.ValidationError("Choose a tag to add or to remove, or name a new one.")
        return data
