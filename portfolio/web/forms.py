"""Forms of the portfolio's pages; `portfolio.domain.entries` and `booking` check the rules."""

from datetime import datetime
from typing import Any

from django import forms

from portfolio.booking import parse_entry
from portfolio.domain.entries import MAX_NOTE_LENGTH, Entry, EntryKind, InvalidEntry


class FocusForm(forms.Form):
    """A form that puts the cursor into the first field with an error."""

    use_required_attribute = False

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        for name in [name for name in self.errors if name in self.fields][:1]:
            self.fields[name].widget.attrs["autofocus"] = True

    def show_error(self, error: InvalidEntry) -> None:
        """Shows a broken rule beside its field."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


def _code_input(suggestions: str, **attrs: Any) -> forms.TextInput:
    """Returns the input of a symbol or currency, with the suggestions of a datalist."""
    return forms.TextInput({"list": suggestions, "spellcheck": "false", **attrs})


class PortfolioForm(FocusForm):
    """The settings of a portfolio, as `booking.save_portfolio` takes them."""

    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "Enter a name such as Retirement.",
            "max_length": "The name is longer than 100 characters.",
        },
    )
    base_currency = forms.CharField(
        label="Currency",
        initial="USD",
        help_text="The portfolio is valued in it; for example EUR.",
        widget=_code_input("currencies", maxlength=3),
        error_messages={"required": "Enter a currency such as EUR."},
    )
    benchmark = forms.CharField(
        required=False,
        max_length=32,
        help_text="A symbol to compare with, such as ^GSPC. Optional.",
        widget=_code_input("symbols"),
    )


def _number(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        help_text=help_text,
        widget=forms.TextInput({"inputmode": "decimal"}),
        error_messages={"invalid": "Enter a number such as 1234.50."},
    )


class TransactionForm(FocusForm):
    """One transaction; `entry` is set once the form is valid."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.value.capitalize()) for kind in EntryKind],
        error_messages={"required": "Choose the kind of transaction."},
    )
    date = forms.DateField(
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages=dict.fromkeys(("required", "invalid"), "Enter a date such as 2024-12-31."),
    )
    symbol = forms.CharField(
        required=False,
        help_text="In Yahoo's spelling: AAPL, VOD.L, BTC-USD.",
        widget=forms.TextInput({"list": "symbols", "autocapitalize": "characters", "size": 12}),
    )
    quantity = _number("Quantity", "Number of shares, as traded on that day.")
    price = _number("Price per share")
    amount = _number("Amount", "Before fees.")
    currency = forms.CharField(
        required=False,
        help_text="Of the price and fees. If empty, the symbol's currency.",
        widget=_code_input("currencies", maxlength=3),
    )
    fees = _number("Fees")
    note = forms.CharField(
        required=False, help_text=f"At most {MAX_NOTE_LENGTH} characters, for yourself."
    )

    def __init__(self, *args: Any, base_currency: str, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._base, self._now = base_currency, now
        self.entry: Entry | None = None

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self.entry = parse_entry(self.cleaned_data, self._base, now=self._now)
            except InvalidEntry as error:
                self.show_error(error)
        return self.cleaned_data
