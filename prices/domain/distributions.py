"""Distributions: the unit and the size of dividends and capital gains, judged by ex-day falls.

Yahoo reports many dividends of shares that are quoted in pence in pounds, some in a currency of
their own, and some ten or a hundred times too large. On its ex-date a price falls by what is
paid, give or take a day's move: that decides.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np

from prices.domain.actions import Actions, CapitalGain, Dividend
from prices.domain.answers import Difference, Guard, Refusal, key_of
from prices.domain.bars import BarSeries, Floats
from prices.domain.markets import major_currency
from prices.domain.suspicion import log_moves

# How much one event may count, in squared standard deviations of a day's move.
_MAX_EVIDENCE = 25.0
# A unit is chosen if it explains the falls better than the other one by this much.
_CLEARLY = 2.0
# What the unit counts that most stored dividends are converted from, or not, and what an
# implausible yield counts (below the one, or in the larger unit above the other), or an amount
# that is smaller than the others just by the unit.
_HABIT, _IMPLAUSIBLE = 4.0, 6.0
_MIN_YIELD, _MAX_YIELD = 8e-4, 0.25
# An amount this many times another one of the series, or this part of it, needs an explanation.
_ODD_FACTOR = 7.0
# Amounts in two units differ by the units, give or take this factor.
_ABOUT = 4.0
# And so does a dividend of more than this part of the price.
_LARGE = 0.10
# Amounts that are this close are equal (relative). Adjusted closes have few digits.
_SAME_AMOUNT, _SAME_IMPLIED = 1e-3, 0.02


def convert_distributions(
    bars: BarSeries,
    answered: Actions,
    unit: str,
    *,
    known: Actions,
    implied: dict[date, float],
) -> Actions:
    """Returns the answered actions with amounts in the unit of the prices.

    1. An event with a currency of its own: units of the same currency are converted exactly,
       another currency by the amount that the provider's adjusted closes imply.
    2. Otherwise, if the unit is a minor one, all dividends of the series are judged together, or
       those of each size if there are two.
    3. A capital gain is contained in the day's dividend if the fall says so.

    `bars` are those around the ex-dates, `known` the stored actions.
    """
    major, units = major_currency(unit)
    in_major = _find_in_major(bars, answered.dividends, known.dividends, units) if units > 1 else ()
    stored = {one.session: one for one in known.dividends}

    def convert(dividend: Dividend) -> Dividend:
        if dividend.currency:
            return _convert_own(dividend, unit, implied)
        old = stored.get(dividend.session)
        # Yahoo may correct the unit of some, which then equal what is stored.
        corrected = old is not None and _is_same(old.amount, dividend.amount)
        if dividend.session not in in_major or corrected:
            return dividend
        return replace(dividend, amount=dividend.amount * units, converted_from=major)

    dividends = tuple(convert(dividend) for dividend in answered.dividends)
    gains = (replace(g, in_dividend=_contains(bars, dividends, g)) for g in answered.gains)
    return Actions(answered.splits, dividends, tuple(gains))


def _convert_own(dividend: Dividend, unit: str, implied: dict[date, float]) -> Dividend:
    """Returns a dividend that has its own currency in the unit of the prices, where that is known."""
    own = dividend.currency
    if own == unit or not unit:
        return replace(dividend, currency="")
    own_major, own_units = major_currency(own)
    major, units = major_currency(unit)
    if own_major == major:
        amount = dividend.amount * units / own_units
        return replace(dividend, amount=amount, currency="", converted_from=own)
    paid = implied.get(dividend.session)
    if paid is None or abs(paid - dividend.amount) <= _SAME_IMPLIED * dividend.amount:
        return dividend  # The provider takes it for the unit of the prices.
    return replace(dividend, amount=paid, currency="", converted_from=own)


def implied_amounts(bars: BarSeries, adjusted: Floats) -> dict[date, float]:
    """Returns what the provider's adjusted closes take off, by ex-date.

    `adjusted` has one value for each bar. Only amounts that its digits can tell are returned.
    """
    if len(bars) < 2:
        return {}
    with np.errstate(invalid="ignore", divide="ignore"):
        factors = adjusted / bars.close
        kept = factors[:-1] / factors[1:]
        fell = np.isfinite(kept) & (kept > 0) & (kept < 1 - 1e-5)
    return {
        bars.sessions[at + 1].item(): float((1 - kept[at]) * bars.close[at])
        for at in np.flatnonzero(fell)
    }


def _find_in_major(
    bars: BarSeries, answered: Iterable[Dividend], known: Iterable[Dividend], units: int
) -> set[date]:
    """Returns the ex-dates of dividends that are reported in the major currency.

    What is stored counts too, as it was reported, so that a single new dividend does not decide
    alone. If some amounts are about `units` times the others, both are judged for themselves.
    """
    converted = {one.session: bool(one.converted_from) for one in known if not one.currency}
    reported = {
        one.session: one.amount / (units if converted[one.session] else 1)
        for one in known
        if not one.currency
    }
    reported |= {one.session: one.amount for one in answered if not one.currency}
    small, others = _split_by_size(reported, units)
    found: set[date] = set()
    for group, prior in ((small, _IMPLAUSIBLE), (others, 0.0)):
        habit = [converted[day] for day in group if day in converted]
        if habit:
            prior += _HABIT if sum(habit) * 2 > len(habit) else -_HABIT
        if group and _compare_units(bars, group, units) + prior > _CLEARLY:
            found |= group.keys()
    return found


def _split_by_size(
    amounts: dict[date, float], units: int
) -> tuple[dict[date, float], dict[date, float]]:
    """Returns the amounts that are smaller than the others by about `units`, and the others."""
    ascending = sorted(amounts.items(), key=lambda item: item[1])
    if len(ascending) < 2:
        return {}, amounts
    logs = np.log([amount for _, amount in ascending])
    at = int(np.diff(logs).argmax()) + 1
    factor = float(np.exp(np.median(logs[at:]) - np.median(logs[:at])))
    is_gap = np.exp(logs[at] - logs[at - 1]) > _ODD_FACTOR
    if not is_gap or not units / _ABOUT < factor < units * _ABOUT:
        return {}, amounts
    return dict(ascending[:at]), dict(ascending[at:])


def _compare_units(bars: BarSeries, reported: dict[date, float], units: int) -> float:
    """Returns how much better falls fit `units` times the reported amounts than the amounts.

    Amounts that are far from the usual one say nothing.
    """
    score, yields = 0.0, []
    usual = float(np.median(list(reported.values())))
    for session, amount in reported.items():
        fall = _fall(bars, session)
        if fall is None or not 1 / _ODD_FACTOR < amount / usual < _ODD_FACTOR:
            continue
        spread = _usual_fall(bars, session)
        score += min(((fall - amount) / spread) ** 2, _MAX_EVIDENCE)
        score -= min(((fall - amount * units) / spread) ** 2, _MAX_EVIDENCE)
        yields.append(amount / _close_before(bars, session))
    paid = float(np.median(yields)) if yields else _MIN_YIELD
    return score + _IMPLAUSIBLE * ((paid < _MIN_YIELD) - (paid * units > _MAX_YIELD))


def _contains(bars: BarSeries, dividends: Iterable[Dividend], gain: CapitalGain) -> bool:
    """Returns whether the day's dividend contains the gain: the price fell by it alone."""
    paid = sum(one.amount for one in dividends if one.session == gain.session and one.adjusts)
    fall = _fall(bars, gain.session)
    if fall is None or paid < gain.amount:
        return False
    return abs(fall - paid) < abs(fall - paid - gain.amount)


def hold_odd_dividends(
    bars: BarSeries, answered: Actions, known: Actions, accepted: frozenset[str]
) -> tuple[Actions, Refusal | None]:
    """Holds back dividends whose size neither siblings nor ex-day falls explain.

    Returns the actions, and what was held. A known dividend keeps its stored amount, a new one
    is marked as suspicious and does not adjust prices. A person has `accepted` some differences.
    """
    stored = {one.session: one for one in known.dividends}
    known_amounts = {d.session: d.amount for d in known.dividends if d.adjusts}
    amounts = {d.session: d.amount for d in answered.dividends if d.adjusts} | known_amounts
    judged, held, reason = [], [], ""
    for dividend in answered.dividends:
        old = stored.get(dividend.session)
        known_amount = None if old is None else old.amount
        difference = Difference(dividend.session, "dividend", known_amount, dividend.amount)
        if old is not None and np.isclose(old.amount, dividend.amount, rtol=1e-6):
            is_accepted = key_of(Guard.DIVIDEND, difference) in accepted
            suspicious = "" if is_accepted else old.suspicious
            judged.append(replace(dividend, suspicious=suspicious))
            if suspicious:
                held.append(replace(difference, stored=None))
                reason = reason or suspicious
            continue
        siblings = [amounts[day] for day in amounts if day != dividend.session]
        why = _why_odd(bars, dividend, old, float(np.median(siblings)) if siblings else 0.0)
        if not why or key_of(Guard.DIVIDEND, difference) in accepted:
            judged.append(dividend)
            continue
        held.append(difference)
        reason = reason or why
        judged.append(replace(dividend, suspicious=why) if old is None else old)
    if not held:
        return replace(answered, dividends=tuple(judged)), None
    first = held[0].stored
    stays = "it does not adjust prices" if first is None else f"the stored {first:.6g} stays"
    more = f"; the same is true of {len(held) - 1} more" if len(held) > 1 else ""
    refusal = Refusal(Guard.DIVIDEND, f"{reason}; {stays}{more}", tuple(held))
    return replace(answered, dividends=tuple(judged)), refusal


def _why_odd(bars: BarSeries, dividend: Dividend, old: Dividend | None, usual: float) -> str:
    """Returns why the amount is doubted; empty if the fall explains it, or nothing is odd."""
    amount, fall = dividend.amount, _fall(bars, dividend.session)
    if dividend.currency or fall is None:
        return ""
    says = f"the provider's dividend of {dividend.session} is {amount:.6g}"
    if old is not None and not old.suspicious and not old.currency:
        factor = amount / old.amount
        is_odd = not 1 / _ODD_FACTOR < factor < _ODD_FACTOR
        # A change from an odd amount to a usual one corrects it.
        corrects = _is_usual(amount, usual) and not _is_usual(old.amount, usual)
        if is_odd and not corrects and not _explains(bars, dividend.session, amount, old.amount):
            return f"{says}, {factor:.3g} times the stored amount, which the price does not show"
        return ""
    explained = fall > 0.5 * amount
    if usual and amount > _ODD_FACTOR * usual and not explained:
        return (
            f"{says}, {amount / usual:.3g} times the usual amount, but the price did not fall by it"
        )
    if amount * _ODD_FACTOR < usual and _explains(bars, dividend.session, usual, amount):
        return f"{says}, {amount / usual:.3g} times the usual amount, but the price fell by more"
    price = _close_before(bars, dividend.session)
    if amount > _LARGE * price and not explained and not dividend.converted_from:
        return f"{says} on a price of {price:.6g}, but the price did not fall by it"
    return ""


def _is_usual(amount: float, usual: float) -> bool:
    return usual / _ODD_FACTOR < amount < usual * _ODD_FACTOR


def _explains(bars: BarSeries, session: date, amount: float, other: float) -> bool:
    """Returns whether the fall fits an amount clearly better than another one."""
    fall, spread = _fall(bars, session) or 0.0, _usual_fall(bars, session)
    better: float = (fall - other) ** 2 - (fall - amount) ** 2
    return better > _CLEARLY * spread**2


def _is_same(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME_AMOUNT * abs(other)


def _position(bars: BarSeries, session: date) -> int | None:
    """Returns the position of the first bar on or after an ex-date. None: no bar before it."""
    at = int(np.searchsorted(bars.sessions, np.datetime64(session, "D")))
    return at if 0 < at < len(bars) else None


def _fall(bars: BarSeries, session: date) -> float | None:
    """Returns by how much the close fell on an ex-date. Returns None if there are no bars."""
    at = _position(bars, session)
    return None if at is None else float(bars.close[at - 1] - bars.close[at])


def _close_before(bars: BarSeries, session: date) -> float:
    return float(bars.close[(_position(bars, session) or 1) - 1])


def _usual_fall(bars: BarSeries, session: date) -> float:
    """Returns the standard deviation of a day's move around an ex-date, in the price's unit."""
    at = _position(bars, session) or 1
    near = log_moves(bars.close[max(0, at - 60) : at + 60])
    usual = 1.4826 * float(np.median(np.abs(near))) if len(near) else 0.0
    return abs(float(bars.close[at - 1])) * max(usual, 1e-3)
