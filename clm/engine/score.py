"""Scores contacts: recency, frequency and monetary quintiles with their groups, spend, and what they will likely do.

Everything is a function of the facts and of the day's measure (clm.engine.yardstick). The measure is taken once a local
day; after that only contacts whose facts have changed are scored again, and only what differs is written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from clm.domain.clock import local_date
from clm.domain.fingerprint import fingerprint
from clm.domain.instant import DAY_MS
from clm.engine import wares, yardstick
from clm.engine.people import WEEK_MS, People
from clm.engine.yardstick import Yardstick
from clm.rfm_file import RfmRules
from clm.scoring.edges import Numbers, percentile, score
from clm.scoring.purchase import Histories
from clm.store import scores, watermarks
from clm.store.database import Database

BATCH_CONTACTS = 5_000
_SHORT_WEEKS, _LONG_WEEKS = 90 * DAY_MS / WEEK_MS, 365 * DAY_MS / WEEK_MS
_WHOLE = {"recency_score", "frequency_score", "monetary_score", "predicted_revenue_365d"}


class Scored(NamedTuple):
    """What came of scoring."""

    measured: bool
    """Whether the day's measure was taken in this run."""
    rescored: int
    """Contacts whose scores were written, because they differ."""
    regrouped: int
    """Of these, contacts who came into another RFM group."""


def score_contacts(database: Database, rules: RfmRules, *, now: int, zone: str = "UTC", force: bool = False) -> Scored:
    """Bring all scores up to date with the facts; the measure is taken anew on a new day in `zone`, or with `force`.

    A run for an earlier instant than the measure's, or than the last run's, changes nothing. Two runs at once are safe:
    each writes only where nobody has changed the contact since it looked.
    """
    with database.read() as tx:
        standing, until = yardstick.kept(tx), scores.scored_until(tx)
    if (standing is not None and now < standing.at) or (until is not None and now < until):
        return Scored(False, 0, 0)
    due = (
        force
        or standing is None
        or standing.window != rules.window
        or local_date(zone, standing.at) != local_date(zone, now)
    )
    if due:
        wares.take(database, now=now)  # first: the yardstick says that the day's measure is taken
        yardstick.take(database, rules, now=now)
    return _rescore(database, rules, measured=due, now=now)


def _rescore(database: Database, rules: RfmRules, *, measured: bool, now: int) -> Scored:
    with database.read() as tx:
        measure = yardstick.kept(tx)
        look = watermarks.begin(tx, scores.SCOPE, rules=fingerprint((measure, rules.groups)), now=now)
    if measure is None or measure.at > now:
        return Scored(measured, 0, 0)
    changed_since = look.mark.horizon if look.mark else None
    rescored = regrouped = after = 0
    while True:
        # A look of its own for each page: one over all of them would keep SQLite from emptying its log meanwhile.
        with database.read() as tx:
            rows = scores.page(tx, after=after, changed_since=changed_since)
            batches = _differing(People.of(tx, rows, measure.since), measure, rules) if rows else []
        for batch in batches:
            with database.write() as tx:
                written = scores.write(tx, *batch, now=now)
            rescored += written.written
            regrouped += written.moved
        if not rows:
            break
        after = rows[-1].contact_id
    with database.write() as tx:
        watermarks.end(tx, look, now=now)
    return Scored(measured, rescored, regrouped)


class _Batch(NamedTuple):
    """What `scores.write` is given."""

    rows: list[tuple[Any, ...]]
    seen: dict[int, int]
    moves: dict[int, str | None]


def _differing(people: People, measure: Yardstick, rules: RfmRules) -> list[_Batch]:
    """The contacts of the page whose scores or group are others than those that stand, in batches to write."""
    found = _scores(people, measure)
    groups = [_group(rules, row) for row in found[:, :3].tolist()]
    moved = np.array([new != old for new, old in zip(groups, people.groups, strict=True)], dtype=bool)
    same = (found == people.scores) | (np.isnan(found) & np.isnan(people.scores))
    places = np.flatnonzero(moved | ~same.all(axis=1))
    columns = [_values(found[places, number], name) for number, name in enumerate(scores.SCORES)]
    ids, seen = people.contact_id[places].tolist(), people.changed[places].tolist()
    rows = list(zip(*columns, [groups[place] for place in places], ids, strict=True))
    batches = []
    for low in range(0, len(rows), BATCH_CONTACTS):
        some = slice(low, low + BATCH_CONTACTS)
        moves = {row[-1]: row[-2] for row, place in zip(rows[some], places[some], strict=True) if moved[place]}
        batches.append(_Batch(rows[some], dict(zip(ids[some], seen[some], strict=True)), moves))
    return batches


def _group(rules: RfmRules, scored: list[float]) -> str | None:
    recency, frequency, monetary = scored
    return None if np.isnan(recency) else rules.group(int(recency), int(frequency), int(monetary))


def _values(column: Numbers, name: str) -> list[Any]:
    kind = int if name in _WHOLE else float
    return [None if np.isnan(value) else kind(value) for value in column.tolist()]


def _scores(people: People, measure: Yardstick) -> Numbers:
    """A column for each of clm.store.scores.SCORES; nan where there is no telling."""
    found = np.full(people.scores.shape, np.nan)
    ranked, spending, ordered = people.ranked, people.revenue_365d > 0, people.order_count > 0
    found[ranked, 0] = score(people.last_order_at[ranked], measure.recency)
    found[ranked, 1] = score(people.frequency[ranked], measure.frequency)
    found[ranked, 2] = score(people.monetary[ranked], measure.monetary)
    found[spending, 3] = percentile(people.revenue_365d[spending], measure.spend)
    bought, worth = measure.purchases, measure.order_values
    if bought is None:
        return found
    everybody = people.histories(measure.at)
    histories = Histories(everybody.repeats[ordered], everybody.recency[ordered], everybody.age[ordered])
    # Rounded to what the model can tell, so that a day's passing does not rewrite every contact.
    found[ordered, 4] = np.round(bought.alive(histories), 2)
    found[ordered, 5] = np.round(bought.expected_orders(histories, _SHORT_WEEKS), 2)
    if worth is not None:
        each = worth.expected(people.order_count[ordered], people.average_order[ordered])
        found[ordered, 6] = _two_digits(bought.expected_orders(histories, _LONG_WEEKS) * each)
    return found


def _two_digits(amounts: Numbers) -> Numbers:
    """Amounts in minor units to two digits."""
    unit = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(amounts, 1))) - 1, 0)
    rounded: Numbers = np.round(amounts / unit) * unit
    return rounded
