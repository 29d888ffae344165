"""The form that takes a symbol on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import MARKETS, UnknownMarket, resolve
from prices.models import TrackedSymbol
from prices.tracking import bearer

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[TrackedSymbol]
else:
    _ModelForm = forms.ModelForm

_MARKET_CHOICES = [
    ("", "As the symbol's own spelling tells"),
    *((market.name, f"{market.name} - {market.title}") for market in MARKETS.values()),
]


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
            if (row := bearer(canonical)) is not None:
                told = canonical if row.symbol == canonical else f"{canonical}, today {row.symbol},"
                self.add_error("symbol", f"{told} is tracked already.")
        return data
