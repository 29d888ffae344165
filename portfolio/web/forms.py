"""Forms of the portfolio's pages; the rules they keep are those of `portfolio.domain.entries`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms

from portfolio.booking import Refused, usual_currency
from portfolio.domain.entries import MOST_NOTE, Entry, EntryKind, InvalidEntry, checked, plain


class SentenceForm(forms.Form):
    """A form whose errors are sentences, beside the first wrong field of which the cursor stands."""

    use_required_attribute = False
    # Fields that take a whole row.
    wide: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.is_wide = name in self.wide  # type: ignore[attr-defined]
            field.widget.attrs.setdefault("autocomplete", "off")

    def point(self) -> None:
        """Puts the cursor where something is wrong."""
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                return

    def refuse(self, error: InvalidEntry | Refused) -> None:
        """Shows a broken rule beside its field."""
        field = error.field if isinstance(error, InvalidEntry) else "quantity"
        self.add_error(field if field in self.fields else None, str(error))
        self.point()


class PortfolioForm(SentenceForm):
    """What a portfolio is called and counted in; `booking.settle` knows what may be."""

    wide = ("name",)

    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "A portfolio needs a name, as in Retirement.",
            "max_length": "The name is too long: 100 characters at most.",
        },
    )
    base_currency = forms.CharField(
        label="Currency",
        initial="USD",
        help_text="What its worth is counted in, as in EUR.",
        widget=forms.TextInput({"list": "currencies", "maxlength": 3, "spellcheck": "false"}),
        error_messages={"required": "A currency is needed, as in EUR."},
    )
    benchmark = forms.CharField(
        required=False,
        max_length=32,
        help_text="A symbol to compare with, such as ^GSPC; may be empty.",
        widget=forms.TextInput({"list": "symbols", "spellcheck": "false"}),
    )


def _number(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        help_text=help_text,
        widget=forms.TextInput({"inputmode": "decimal"}),
        error_messages={"invalid": "This is no number: write it as in 1234.50."},
    )


class TransactionForm(SentenceForm):
    """One transaction, added or changed; `entry` is what it says once it is valid."""

    wide = ("note",)

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.value.capitalize()) for kind in EntryKind],
        error_messages={"required": "Choose what was done."},
    )
    date = forms.DateField(
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "A date is needed, as in 2024-12-31.",
            "invalid": "This is no date: write it as in 2024-12-31.",
        },
    )
    symbol = forms.CharField(
        required=False,
        help_text="As Yahoo spells it: AAPL, VOD.L, BTC-USD.",
        widget=forms.TextInput({"list": "symbols", "autocapitalize": "characters", "size": 12}),
    )
    quantity = _number("Quantity", "Shares, as traded on that day.")
    price = _number("Price of one")
    amount = _number("Amount", "Before fees.")
    currency = forms.CharField(
        required=False,
        help_text="Of the price and fees; empty: the symbol's own.",
        widget=forms.TextInput({"list": "currencies", "maxlength": 3, "spellcheck": "false"}),
    )
    fees = _number("Fees")
    note = forms.CharField(
        required=False, help_text=f"For yourself; {MOST_NOTE} characters at most."
    )

    def __init__(self, *args: Any, base_currency: str, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._base, self._now = base_currency, now
        self.entry: Entry | None = None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.errors:
            self.point()
            return data
        try:
            self.entry = checked(
                kind=data["kind"],
                when=data["date"],
                symbol=data["symbol"],
                quantity=data["quantity"],
                price=data["price"],
                amount=data["amount"],
                currency=data["currency"] or usual_currency(data["symbol"], "", self._base),
                fees=data["fees"],
                note=data["note"],
                now=self._now,
            )
        except InvalidEntry as error:
            self.refuse(error)
        return data


def initial_of(entry: Entry) -> dict[str, Any]:
    """What the form of a booked entry shows, without needless zeros."""
    fields: Mapping[str, Any] = {name: getattr(entry, name) for name in TransactionForm.base_fields}
    return {name: _shown(value) for name, value in fields.items()}


def _shown(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def currencies(used: Iterable[str]) -> list[str]:
    """Suggestions: those of the portfolio first, then the usual ones."""
    usual = ("USD", "EUR", "GBP", "GBp", "CHF", "JPY", "CAD", "AUD", "SEK", "ILS", "HKD")
    return list(dict.fromkeys([*used, *usual]))
