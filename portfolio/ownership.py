"""Access to portfolios and transactions by their owner.

What belongs to another user is reported exactly as if it did not exist.
"""

from __future__ import annotations

from django.http import Http404

from portfolio.models import Portfolio, Transaction


def find_portfolio(owner_id: int | None, portfolio_id: int) -> Portfolio:
    """Returns the owner's portfolio.

    :raises Http404: there is none, or it belongs to another user.
    """
    owned = Portfolio.objects.filter(owner=owner_id, pk=portfolio_id).select_related("owner")
    portfolio = owned.first()
    if portfolio is None:
        raise Http404("You have no portfolio with this number. Choose one from your list.")
    return portfolio


def find_transaction(owner_id: int | None, portfolio_id: int, transaction_id: int) -> Transaction:
    """Returns a transaction of the owner's portfolio.

    :raises Http404: there is none, or the portfolio belongs to another user.
    """
    portfolio = find_portfolio(owner_id, portfolio_id)
    row = portfolio.transactions.filter(pk=transaction_id).first()
    if row is None:
        raise Http404("This portfolio has no such transaction. It may have been deleted.")
    row.portfolio = portfolio
    return row
