"""Joins the histories of one company, stored under its former and its present name."""

from dataclasses import replace

import numpy as np

from prices.domain.actions import Actions, CapitalGain, Dividend, Split, is_near, rebase_bars
from prices.domain.answers import Stored
from prices.domain.guards import SAME_PRICE, as_traded_closes


class NotOneCompany(ValueError):
    """Two histories cannot be shown to be of one company; the message says why."""


def join_histories(main: Stored, other: Stored, *, adjoining: bool = False) -> Stored:
    """Returns both histories on one split basis: `main` where both have a session.

    With `adjoining`, a person has said that `main` continues `other`, so no shared session is
    needed.
    :raises NotOneCompany: the as-traded closes do not agree on most of the shared sessions.
    """
    if main.currency and other.currency and main.currency != other.currency:
        raise NotOneCompany(f"the prices are in {main.currency} and in {other.currency}")
    _check_agreement(main, other, adjoining=adjoining)
    actions = _join_actions(main, other)
    ours, theirs = (
        rebase_bars(one.series, one.actions.splits, actions.splits) for one in (main, other)
    )
    return replace(main, series=theirs.merge(ours), actions=actions)


def _check_agreement(main: Stored, other: Stored, *, adjoining: bool) -> None:
    mine, theirs = as_traded_closes(main, other.series, other.actions)
    if not len(mine) and adjoining:
        return
    if not len(mine):
        raise NotOneCompany("the histories have no session in common to compare")
    differing = np.abs(theirs / mine - 1) > SAME_PRICE
    if differing.mean() > 0.5:
        raise NotOneCompany(
            f"the closes differ on {int(differing.sum())} of the {len(mine)} sessions in common"
        )


def _join_actions(main: Stored, other: Stored) -> Actions:
    """Returns the actions of `main`, and those of `other` from outside the sessions of `main`.

    Dividends are on the basis of all the splits.
    """
    first, last = main.series.sessions[[0, -1]].tolist()

    def is_new(event: Split | Dividend | CapitalGain) -> bool:
        return not first <= event.session <= last

    known = main.actions.splits
    added = (s for s in other.actions.splits if is_new(s) and not _is_known(s, known))
    splits = (*known, *added)
    mine, theirs = (one.actions.rebase(splits) for one in (main, other))
    dividends = (
        d for d in theirs.dividends if is_new(d) and not any(d.may_be(m) for m in mine.dividends)
    )
    return Actions(
        splits,
        (*mine.dividends, *dividends),
        (*mine.gains, *(gain for gain in theirs.gains if is_new(gain))),
    )


def _is_known(split: Split, known: tuple[Split, ...]) -> bool:
    return any(split.ratio == one.ratio and is_near(split.session, one.session) for one in known)
