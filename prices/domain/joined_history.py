"""Joining: two stored histories of one company, under its former and its present name, as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from prices.domain.actions import Actions, Dividend, Split, is_near, rebase_bars, rebase_dividends
from prices.domain.answers import Stored
from prices.domain.bars import BarSeries
from prices.domain.guards import SAME_PRICE, as_traded_closes


class NotOneCompany(ValueError):
    """Nothing shows that two histories are one company's, or they are not; the message says why."""


def join_histories(main: Stored, other: Stored) -> Stored:
    """Both histories on one basis: `main` where both have a session, `other` around it.

    :raises NotOneCompany: the as-traded closes do not agree on most of the sessions that both have.
    """
    if main.currency and other.currency and main.currency != other.currency:
        raise NotOneCompany(f"the prices are in {main.currency} and in {other.currency}")
    _check_agreement(main, other)
    actions = _joined_actions(main, other)
    ours, theirs = (
        rebase_bars(one.series, one.actions.splits, actions.splits) for one in (main, other)
    )
    return replace(main, series=theirs.merge(ours), actions=actions)


def _check_agreement(main: Stored, other: Stored) -> None:
    mine, theirs = as_traded_closes(main, other.series, other.actions)
    if not len(mine):
        raise NotOneCompany("the histories have no session in common to compare")
    differing = np.abs(theirs / mine - 1) > SAME_PRICE
    if differing.mean() > 0.5:
        raise NotOneCompany(
            f"the closes differ on {int(differing.sum())} of the {len(mine)} sessions in common"
        )


def _joined_actions(main: Stored, other: Stored) -> Actions:
    """`main` speaks for the sessions it spans, `other` for what lies around them.

    Dividends on the share count that all the splits make.
    """
    known = main.actions.splits
    splits = (
        *known,
        *(s for s in other.actions.splits if _outside(s, main) and not _is_told(s, known)),
    )
    mine, theirs = (
        rebase_dividends(one.actions.dividends, one.actions.splits, splits) for one in (main, other)
    )
    added = (d for d in theirs if _outside(d, main) and not any(d.may_be(m) for m in mine))
    return Actions(splits, (*mine, *added))


def _outside(event: Split | Dividend, one: Stored) -> bool:
    first, last = _span(one.series)
    return not first <= event.session <= last


def _is_told(split: Split, known: tuple[Split, ...]) -> bool:
    return any(split.ratio == one.ratio and is_near(split.session, one.session) for one in known)


def _span(series: BarSeries) -> tuple[date, date]:
    return series.sessions[0].item(), series.sessions[-1].item()
