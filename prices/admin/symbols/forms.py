"""The forms: taking a symbol on, filling a gap by hand, and tagging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import MARKETS, UnknownMarket, resolve
from prices.models import Tag, TrackedSymbol
from prices.symbols.tracking import resolve_row

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[TrackedSymbol]
else:
    _ModelForm = forms.ModelForm

_MARKET_CHOICES = [
    ("", "As the symbol's own spelling tells"),
    *((market.name, f"{market.name} - {market.title}") for market in MARKETS.values()),
]


def _decimal() -> forms.Widget:
    widget: forms.Widget = UnfoldAdminTextInputWidget(
        {"inputmode": "decimal", "autocomplete": "off"}
    )
    return widget


class TrackForm(_ModelForm):
    """A symbol as a user types it; cleaned, it is the canonical one."""

    symbol = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget({"autofocus": True, "autocomplete": "off"}),
        help_text="As Yahoo spells it (AAPL, VOD.L, BTC-USD), or without suffix and with a market.",
    )
    market = forms.ChoiceField(
        choices=_MARKET_CHOICES, required=False, widget=UnfoldAdminSelectWidget()
    )

    class Meta:
        model = TrackedSymbol
        fields = ("symbol", "market")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        try:
            canonical, known = resolve(data["symbol"], data["market"])
        except InvalidSymbol as error:
            self.add_error("symbol", str(error))
        except UnknownMarket as error:
            self.add_error("market", str(error))
        else:
            data |= {"symbol": canonical, "market": known.name if known else ""}
            if (row := resolve_row(canonical)) is not None:
                told = canonical if row.symbol == canonical else f"{canonical}, today {row.symbol},"
                self.add_error("symbol", f"{told} is tracked already.")
        return data


class FillForm(forms.Form):
    """One bar, as a person read it somewhere."""

    open = forms.FloatField(widget=_decimal())
    high = forms.FloatField(widget=_decimal())
    low = forms.FloatField(widget=_decimal())
    close = forms.FloatField(widget=_decimal())
    volume = forms.IntegerField(
        min_value=0,
        max_value=2**62,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric", "autocomplete": "off"}),
        help_text="0 where none is known.",
    )
    note = forms.CharField(
        label="Source",
        max_length=200,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text="Where you have it from; kept with the bar for whoever looks at it later.",
    )

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.cleaned_data[name] for name in ("open", "high", "low", "close", "volume"))


class TagForm(forms.Form):
    """Which tags the chosen symbols get and lose."""

    add = forms.ModelMultipleChoiceField(
        Tag.objects.all(), required=False, widget=forms.CheckboxSelectMultiple
    )
    remove = forms.ModelMultipleChoiceField(
        Tag.objects.all(), required=False, widget=forms.CheckboxSelectMultiple
    )
    new = forms.CharField(
        label="New tag",
        required=False,
        max_length=32,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text="Made if there is none of that name, and added.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not any(data.get(name) for name in ("add", "remove", "new")):
            raise forms.ValidationError("Choose a tag to add or to remove, or name a new one.")
        return data
