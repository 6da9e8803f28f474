"""Looking only at what changed enrols whom looking at everybody would enrol, whatever happens in whatever order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from clm.config import Configuration
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.rfm_file import RfmRules
from clm.store.changes import stamp
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, group_history, metadata, profiles, watermarks
from tests.engine.shop import NOW, POUNDS, Shop, order

pytestmark = pytest.mark.slow

_GROUPS = RfmRules(groups=dict.fromkeys(range(1, 6), ["champions"] * 5))
_CONTACTS = ("ada", "bob", "cem", "dee")
_ATOMS = (
    "order_count >= 2",
    "order_count = 1",
    "email_consent",
    "days_since(last_order_at) > 2",
    "days_since(last_order_at) <= 3",
    "days_since(first_order_at) between 1 and 4",
    "days_since(last_order_at) > usual_gap(0.8, 3)",
    "days_since(last_order_at) > usual_gap(0.5, 2)",
    "days_until(next_order_expected_at) <= 1",
    "revenue_365d > 20",
    "days_since(signed_up_at) >= 1",
    "last_order_at > '2024-10-03'",
    "days_since(last_activity_at) > 1",
    "last_activity_at > '2024-10-03'",
    "now between '2024-10-05' and '2024-10-07'",
    "local_hour >= 9",
    "local_weekday in ('sat', 'sun')",
    "anniversary(born_on)",
    "anniversary(first_order_at)",
    "did('viewed', 2)",
    "did('viewed', within = 3, at_least = 2, category = 'tea')",
    "days_since(last('viewed')) > 1",
    "last('viewed') > last_order_at",
    "first('viewed') is null",
    "entered_group('champions', 2)",
    "left_group('champions', 1)",
    "zone = 'Asia/Kathmandu'",
)
_SEVERAL = "last('viewed', category = 'spice') or last('viewed', category = 'tea')"
_conditions = st.sampled_from(_ATOMS) | st.recursive(
    st.sampled_from(_ATOMS),
    lambda parts: (
        st.builds("({} and {})".format, parts, parts)
        | st.builds("({} or {})".format, parts, parts)
        | st.builds("(not ({}))".format, parts)
    ),
    max_leaves=4,
)
_ago = st.integers(-36, 120).map(lambda hours: hours * HOUR_MS)
_who = st.sampled_from(_CONTACTS)
_ticks = st.tuples(
    st.just("tick"), st.sampled_from([0, 1, 5 * 60_000, HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS, -DAY_MS])
)
_actions = st.one_of(
    _ticks,
    _ticks,
    st.tuples(st.just("order"), _who, _ago),
    st.tuples(st.just("cancel"), _who),
    st.tuples(st.just("view"), _who, _ago, st.sampled_from(["tea", "spice"])),
    st.tuples(st.just("sign_up"), _who, st.booleans(), st.sampled_from([None, "Asia/Kathmandu", "America/New_York"])),
    st.tuples(st.just("group"), _who),
    st.tuples(st.just("edit"), _conditions),
)


class _Shop:
    """A shop with one campaign run twice: `quick` looks at what changed, `whole` at everybody."""

    def __init__(self, database: Database, enter: dict[str, Any], unless: str | None) -> None:
        self.database = database
        self.shop = Shop(database)
        self.enter, self.unless = enter, unless
        self.now = NOW
        self.latest = NOW
        self.told = 0

    def do(self, action: tuple[Any, ...]) -> None:
        """One thing that happens."""
        match action:
            case ("tick", passed):
                self.now = self.now + passed if passed < 0 else max(self.now, self.latest) + passed
                self.latest = max(self.now, self.latest)
                self.tick()
            case ("order", who, ago):
                self.told += 1
                self.shop.tell(order(f"{who}-{self.told}", who, at=self.latest - ago), now=self.latest)
            case ("cancel", who):
                taken = f"{who}-{self.told}"
                self.shop.tell(
                    order(f"back-{taken}", who, at=self.latest, kind="cancellation", cancels=taken), now=self.latest
                )
            case ("view", who, ago, category):
                self.told += 1
                seen = EventRecord(f"e{self.told}", who, "viewed", self.latest - ago, f'{{"category": "{category}"}}')
                self.shop.tell(seen, now=self.latest)
            case ("sign_up", who, consent, zone):
                self.shop.tell(
                    ContactRecord(
                        who, signed_up_at=self.latest - HOUR_MS, email_consent=consent, consent_at=self.latest,
                        zone=zone, born_on=7_582 * DAY_MS,  # 5 October 1990
                    ),
                    now=self.latest,
                )  # fmt: skip
            case ("group", who):
                self._group(who)
            case ("edit", condition):
                self.enter = self.enter | {"when": condition}

    def _group(self, who: str) -> None:
        """Into the champions, or out of them."""
        h = group_history.c
        with self.database.write() as tx:
            contact_id = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == who))
            if contact_id is None:
                return
            mine = [h.contact_id == contact_id, h.until.is_(None)]
            since = tx.scalar(select(h.since).where(*mine))
            if since is not None and since <= self.latest:
                tx.execute(group_history.update().where(*mine).values(until=self.latest))
            elif tx.scalar(select(h.since).where(h.contact_id == contact_id, h.since == self.latest)) is None:
                tx.execute(insert(group_history).values(contact_id=contact_id, since=self.latest, name="champions"))
            tx.execute(profiles.update().where(profiles.c.contact_id == contact_id).values(changed=stamp(tx)))

    def tick(self) -> None:
        """Both campaigns, at the same instant."""
        refresh(self.database, now=self.now)
        plans = [self._campaign("quick"), self._campaign("whole")]
        journeys = Journeys(Configuration(POUNDS, tuple(plans), rfm=_GROUPS))
        with self.database.write() as tx:
            tx.execute(delete(watermarks).where(watermarks.c.scope == "enter whole"))
        for plan in plans:
            enrol(self.database, journeys, plan, now=self.now)

    def _campaign(self, name: str) -> Campaign:
        return Campaign.model_validate(
            {
                "campaign": name,
                "title": name,
                "status": "live",
                "enter": self.enter,
                "unless": self.unless,
                "steps": [{"send": "hello", "channel": "email"}],
            }
        )

    def enrolled(self, campaign: str) -> list[tuple[int, str, int]]:
        """Who entered by what and when."""
        e = enrolments.c
        query = select(e.contact_id, e.trigger_key, e.entered_at).where(e.campaign == campaign)
        with self.database.read() as tx:
            return sorted((row.contact_id, row.trigger_key, row.entered_at) for row in tx.execute(query))


@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # shrinking takes minutes
@given(
    when=_conditions,
    once_per=st.sampled_from(["contact", "last_order", "first_order", "last('viewed')", "lifecycle", _SEVERAL]),
    again_after=st.sampled_from([None, None, "1d", "3d"]),
    unless=st.none() | _conditions,
    actions=st.lists(_actions, min_size=6, max_size=16),
)
def test_what_changed_is_enough_to_look_at(
    database: Database, when: str, once_per: str, again_after: str | None, unless: str | None, actions: list[Any]
) -> None:
    """Orders, events and consents early or late, ticks of any spacing, missed and backwards, edits: the same people.

    Entered at the same instants, by the same facts.
    """
    empty(database)
    enter = {"when": when, "once_per": once_per} | ({} if again_after is None else {"again_after": again_after})
    shop = _Shop(database, enter, unless)
    for who in _CONTACTS[:3]:
        shop.do(("order", who, DAY_MS))
    for action in [*actions, ("tick", HOUR_MS), ("tick", 4 * DAY_MS)]:
        shop.do(action)
    assert shop.enrolled("quick") == shop.enrolled("whole")


def empty(database: Database) -> None:
    """Take everything out of the tables, so that the next example begins with nothing."""
    with database.write() as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(delete(table))
