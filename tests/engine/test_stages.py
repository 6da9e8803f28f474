"""Stages follow the facts and the time, at the cost of what changed, with a history that is never rewritten."""

from __future__ import annotations

import contextlib
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clm.domain.condition import terms_of
from clm.domain.condition_parser import parse_condition
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.language import Language
from clm.domain.record import ContactRecord, EventRecord
from clm.domain.stage import Stage, Stages
from clm.engine.profile import refresh
from clm.engine.score import score_contacts
from clm.engine.stage import Placed, place_contacts
from clm.rfm_file import load_rfm
from clm.stages_file import load_stages
from clm.store import shop as shop_values
from clm.store import stages as store
from clm.store.conditions import values_of
from clm.store.database import Database
from clm.store.schema import contacts, profiles, stage_history
from tests.conftest import PROJECT
from tests.databases import empty
from tests.engine.shop import NOW, Shop, order

RULES = load_rfm(PROJECT / "config")
LANGUAGE = Language(groups=RULES.names)
SIX = load_stages(PROJECT / "config", LANGUAGE)

Interval = tuple[int, int | None, str, int]


def stages(*conditions: str, ending: tuple[int, ...] = ()) -> Stages:
    """Stages s0, s1, … of these conditions, and the rest."""
    found = [
        Stage(f"s{number}", parse_condition(text, LANGUAGE), "none", number in ending)
        for number, text in enumerate(conditions)
    ]
    return Stages((*found, Stage("rest", None, "none")))


LAPSING = stages("order_count >= 1 and days_since(last_order_at) > 90", "order_count >= 1", ending=(0,))


def history(database: Database) -> dict[str, list[Interval]]:
    """Every contact's intervals, by the shop's own id, in order."""
    h = stage_history.c
    query = select(contacts.c.external_id, h.since, h.until, h.name, h.lifecycle_number)
    query = query.join(contacts, contacts.c.id == h.contact_id).order_by(h.contact_id, h.since)
    found: dict[str, list[Interval]] = {}
    with database.read() as tx:
        for row in tx.execute(query):
            found.setdefault(row.external_id, []).append((row.since, row.until, row.name, row.lifecycle_number))
    return found


def where(shop: Shop, contact: str = "ada") -> tuple[str, int, int]:
    """Stage, since when, and the number of the lifecycle, as the profile says."""
    found = shop.profile(contact)
    return found["stage"], found["stage_since"], found["lifecycle_number"]


def happened(name: str, contact: str, at: int) -> EventRecord:
    """An event without properties."""
    return EventRecord(f"{contact} {name} {at}", contact, name, at, "{}")


def test_the_shipped_stages_of_typical_contacts(shop: Shop) -> None:
    """Known, signed up, bought, window open, loyal, lapsed."""
    signed_up = {"signed_up_at": NOW - 10 * DAY_MS, "email_consent": True}
    shop.tell(
        ContactRecord("known"),
        ContactRecord("asleep", signed_up_at=NOW - 300 * DAY_MS, email_consent=True),
        ContactRecord("silent", signed_up_at=NOW - DAY_MS, email_consent=False),
        ContactRecord("signed_up", **signed_up),
    )
    shop.tell(
        order("o1", "bought", at=NOW - DAY_MS, amount=1),
        order("o2", "again", at=NOW - 30 * DAY_MS, amount=2),
        order("o3", "lapsed", at=NOW - 91 * DAY_MS, amount=3),
        *(order(f"l{number}", "loyal", at=NOW - number * 20 * DAY_MS, amount=9_000) for number in range(1, 5)),
        order("o4", "friend", at=NOW - 2 * DAY_MS, amount=1),
    )
    shop.tell(happened("referral_made", "friend", NOW - DAY_MS))
    score_contacts(shop.database, RULES, now=NOW)
    assert place_contacts(shop.database, SIX, now=NOW) == Placed(everybody=True, moved=9)
    found = {who: where(shop, who) for who in history(shop.database)}
    assert found == {
        "known": ("reach", NOW, 1),
        "asleep": ("reach", NOW, 1),
        "silent": ("reach", NOW, 1),
        "signed_up": ("acquisition", NOW, 1),
        "bought": ("conversion", NOW, 1),
        "again": ("retention", NOW, 1),
        "lapsed": ("re_engagement", NOW, 1),
        "loyal": ("loyalty", NOW, 1),
        "friend": ("loyalty", NOW, 1),
    }


def test_a_return_begins_a_new_cycle(shop: Shop) -> None:
    """Ordering after having lapsed counts the lifecycle up; old intervals stay in history."""
    shop.tell(order("o1", at=NOW))
    lapse, back = NOW + 91 * DAY_MS, NOW + 120 * DAY_MS
    for now in (NOW, lapse - DAY_MS, lapse):
        place_contacts(shop.database, LAPSING, now=now)
    assert where(shop) == ("s0", lapse, 1)
    shop.tell(order("o2", at=back - HOUR_MS), now=back)
    assert place_contacts(shop.database, LAPSING, now=back) == Placed(everybody=False, moved=1)
    assert where(shop) == ("s1", back, 2)
    assert history(shop.database)["ada"] == [
        (NOW, lapse, "s1", 1), (lapse, back, "s0", 1), (back, None, "s1", 2),
    ]  # fmt: skip
    again = back + 200 * DAY_MS
    place_contacts(shop.database, LAPSING, now=again)
    shop.tell(order("o3", at=again + DAY_MS), now=again + DAY_MS)
    place_contacts(shop.database, LAPSING, now=again + DAY_MS)
    assert where(shop) == ("s1", again + DAY_MS, 3)


def test_a_late_order_is_no_return(shop: Shop) -> None:
    """An order placed before the contact was taken for lapsed, and told after, begins no cycle: they never left."""
    shop.tell(order("o1", at=NOW))
    lapse = NOW + 91 * DAY_MS
    place_contacts(shop.database, LAPSING, now=lapse)
    shop.tell(order("o2", at=lapse - HOUR_MS), now=lapse + DAY_MS)
    place_contacts(shop.database, LAPSING, now=lapse + DAY_MS)
    assert where(shop) == ("s1", lapse + DAY_MS, 1)


def test_leaving_without_an_order_is_no_return(shop: Shop) -> None:
    """Longer patience in the file brings nobody back."""
    shop.tell(order("o1", at=NOW))
    lapse = NOW + 91 * DAY_MS
    place_contacts(shop.database, LAPSING, now=lapse)
    patient = stages("order_count >= 1 and days_since(last_order_at) > 365", "order_count >= 1", ending=(0,))
    assert place_contacts(shop.database, patient, now=lapse + DAY_MS) == Placed(everybody=True, moved=1)
    assert where(shop) == ("s1", lapse + DAY_MS, 1)


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    """At the same instant, or later without news, nobody moves, and nobody is looked at who cannot have."""
    shop.tell(order("o1", at=NOW))
    place_contacts(shop.database, LAPSING, now=NOW)
    before, spans = shop.profile(), history(shop.database)
    for now in (NOW, NOW + HOUR_MS, NOW + 90 * DAY_MS):
        assert place_contacts(shop.database, LAPSING, now=now) == Placed(everybody=False, moved=0)
    assert place_contacts(shop.database, LAPSING, now=NOW + 90 * DAY_MS, force=True) == Placed(everybody=True, moved=0)
    assert shop.profile() == before
    assert history(shop.database) == spans


def test_an_earlier_run_changes_nothing(shop: Shop) -> None:
    """What is known of a later instant is not undone by a run for an earlier one."""
    shop.tell(order("o1", at=NOW), order("o2", "bob", at=NOW))
    lapse = NOW + 91 * DAY_MS
    place_contacts(shop.database, LAPSING, now=lapse)
    spans = history(shop.database)
    for now in (NOW, lapse - 1):
        assert place_contacts(shop.database, LAPSING, now=now, force=True).moved == 0
        # Other rules, and nothing to compare with; the contacts' own history keeps them where they are.
        assert place_contacts(shop.database, stages("order_count > 5"), now=now).moved == 0
        place_contacts(shop.database, LAPSING, now=lapse)
    assert history(shop.database) == spans


def test_news_at_one_instant_is_written_as_if_there_had_been_one_run(shop: Shop) -> None:
    """A second run at the same instant replaces what the first wrote, the number of the lifecycle included."""
    shop.tell(order("o1", at=NOW))
    lapse, back = NOW + 91 * DAY_MS, NOW + 100 * DAY_MS
    for now in (NOW, lapse):
        place_contacts(shop.database, LAPSING, now=now)
    spans = history(shop.database)
    shop.tell(order("o2", at=back), now=back)
    place_contacts(shop.database, LAPSING, now=back)
    assert where(shop) == ("s1", back, 2)
    shop.tell(order("o2-back", at=back, kind="cancellation", cancels="o2"), now=back)
    place_contacts(shop.database, LAPSING, now=back)
    assert where(shop) == ("s0", lapse, 1)
    assert history(shop.database) == spans
    shop.tell(order("o3", at=back), now=back)
    place_contacts(shop.database, LAPSING, now=back)
    assert where(shop) == ("s1", back, 2)


def test_other_usual_gaps_move_people(shop: Shop) -> None:
    """When the shop's customers turn out to order more often, whoever is beyond that has lapsed."""
    usual = stages("order_count >= 1 and days_since(last_order_at) > usual_gap(0.8, 90)")
    shop.tell(order("o1", at=NOW - 50 * DAY_MS))
    place_contacts(shop.database, usual, now=NOW)
    assert where(shop)[0] == "rest"
    with shop.database.write() as tx:
        shop_values.put(tx, "usual_gaps", '{"0.5": 20, "0.8": 40, "0.9": 60}', NOW)
    assert place_contacts(shop.database, usual, now=NOW + HOUR_MS) == Placed(everybody=True, moved=1)
    assert where(shop)[0] == "s0"


def test_a_move_is_a_change_of_the_contact(shop: Shop) -> None:
    """Conditions may ask for the stage, so whoever moves is looked at again; nobody else is."""
    shop.tell(order("o1", at=NOW), order("o2", "bob", at=NOW - 80 * DAY_MS))
    place_contacts(shop.database, LAPSING, now=NOW)
    ada, bob = shop.profile("ada")["changed"], shop.profile("bob")["changed"]
    place_contacts(shop.database, LAPSING, now=NOW + 20 * DAY_MS)
    assert shop.profile("ada")["changed"] == ada
    assert shop.profile("bob")["changed"] > bob


@pytest.mark.parametrize(
    "condition",
    [
        "days_since(last_order_at) < 10",
        "order_count = 1 and not days_since(last_order_at) >= 10",
        "days_since(last_order_at) between 1 and 10",
        "did('app_used', within = 9)",
        "hours_since(last('app_used')) <= 216",
        "now < '2024-10-08'",
    ],
)
def test_time_alone_ends_a_stage(shop: Shop, condition: str) -> None:
    """Whoever no longer fits moves on, without any news of them."""
    shop.tell(order("o1", at=NOW - 2 * DAY_MS), order("o2", "bob", at=NOW - 2 * DAY_MS))
    shop.tell(happened("app_used", "ada", NOW - DAY_MS), happened("app_used", "bob", NOW - DAY_MS))
    plan = stages(condition)
    place_contacts(shop.database, plan, now=NOW)
    place_contacts(shop.database, plan, now=NOW + HOUR_MS)
    assert where(shop) == ("s0", NOW, 1)
    place_contacts(shop.database, plan, now=NOW + 9 * DAY_MS)
    assert where(shop) == ("rest", NOW + 9 * DAY_MS, 1)


def test_without_stages_nobody_is_anywhere(shop: Shop) -> None:
    """A project without config/stages.yaml."""
    shop.tell(order("o1", at=NOW))
    assert place_contacts(shop.database, Stages(), now=NOW) == Placed(everybody=False, moved=0)
    assert shop.profile()["stage"] is None


def test_two_runs_at_once_move_everybody_once(database_url: str, shop: Shop) -> None:
    """Of two runs at the same instant each contact is moved by one."""
    shop.tell(*(order(f"o{number}", f"c{number}", at=NOW - number * DAY_MS) for number in range(200)))
    found: list[Placed] = []

    def run() -> None:
        with contextlib.closing(Database(database_url)) as own:
            found.append(place_contacts(own, LAPSING, now=NOW))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert sum(one.moved for one in found) == 200
    assert all(len(spans) == 1 for spans in history(shop.database).values())


def test_an_order_that_commits_meanwhile_is_not_passed_over(shop: Shop) -> None:
    """Whoever has changed since the look is left for the next run, which finds them."""
    shop.tell(order("o1", at=NOW - 100 * DAY_MS))
    with shop.database.read() as tx:
        moving = store.misplaced(tx, LAPSING, after=0, now=NOW)
    shop.tell(order("o2", at=NOW - DAY_MS), now=NOW)
    with shop.database.write() as tx:
        assert store.move(tx, moving, LAPSING.begins_a_cycle, now=NOW) == 0
    place_contacts(shop.database, LAPSING, now=NOW)
    assert where(shop) == ("s1", NOW, 1)


people = st.sampled_from(["ada", "Bob", "cem"])
hours = st.integers(-2_400, 60)
news = st.one_of(
    st.tuples(st.just("order"), people, hours),
    st.tuples(st.just("order"), people, hours),
    st.tuples(st.just("void"), people, hours),
    st.tuples(st.just("sign up"), people, hours),
    st.tuples(st.just("opt out"), people, hours),
    st.tuples(st.sampled_from(["app_used", "trial_started", "referral_made"]), people, hours),
)
CONDITIONS = (
    "order_count >= 1 and days_since(last_order_at) > usual_gap(0.8, 20)",
    "did('app_used', within = 5, at_least = 2) and not did('referral_made', within = 9)",
    "days_since(signed_up_at) between 3 and 10 or hours_since(last('trial_started')) < 30",
    "not (days_since(first_order_at) > 4) and email_consent",
    "last('app_used') > last_order_at",
    "days_since(last_order_at) < 3",
    "hours_since(last('app_used')) <= 50 or did('trial_started', within = 2)",
    "days_until(next_order_expected_at) <= 2",
    "local_weekday in ('sat', 'sun') and order_count >= 1",
    "now between '2024-10-06' and '2024-10-20' and signed_up_at is null",
)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    steps=st.lists(
        st.tuples(st.lists(news, max_size=5), st.sampled_from([0, 1, 7, 24, 100, 500])), min_size=2, max_size=7
    ),
    chosen=st.lists(st.sampled_from(range(len(CONDITIONS))), min_size=1, max_size=4, unique=True) | st.none(),
)
def test_looking_at_some_is_as_good_as_looking_at_everybody(
    database: Database, steps: list[Any], chosen: list[int] | None
) -> None:
    """After each incremental run everybody is where the plain evaluator puts them, whatever happened in between."""
    empty(database)
    shop, now, number = Shop(database), NOW, 0
    plan = SIX if chosen is None else stages(*(CONDITIONS[place] for place in chosen), ending=(0,))
    for batch, later in steps:
        now += later * HOUR_MS
        for kind, who, hour in batch:
            number += 1
            _tell(shop, kind, who, now + hour * HOUR_MS, number, now)
        refresh(database, now=now)
        score_contacts(database, RULES, now=now)
        place_contacts(database, plan, now=now)
        note(f"at {now}")
        assert _placed(database) == _evaluated(database, plan, now)
        _check_history(database)


def _tell(shop: Shop, kind: str, who: str, at: int, number: int, now: int) -> None:
    match kind:
        case "order":
            shop.tell(order(f"o{number}", who, at=at), now=now)
        case "void":
            shop.tell(order(f"o{number}", who, at=at), now=now)
            shop.tell(order(f"v{number}", who, at=at, kind="cancellation", cancels=f"o{number}"), now=now)
        case "sign up":
            shop.tell(ContactRecord(who, signed_up_at=at, email_consent=True, consent_at=at), now=now)
        case "opt out":
            shop.tell(ContactRecord(who, signed_up_at=at, email_consent=False, consent_at=at), now=now)
        case _:
            shop.tell(happened(kind, who, at + number), now=now)


def _placed(database: Database) -> dict[int, str | None]:
    with database.read() as tx:
        return {row.contact_id: row.stage for row in tx.execute(select(profiles.c.contact_id, profiles.c.stage))}


def _evaluated(database: Database, plan: Stages, now: int) -> dict[int, str | None]:
    """Where the evaluator of clm.domain.condition puts everybody, a contact at a time."""
    terms = [term for stage in plan.stages if stage.when is not None for term in terms_of(stage.when)]
    values = values_of(terms, now)
    query = select(profiles.c.contact_id, *(value.label(f"v{number}") for number, value in enumerate(values.values())))
    with database.read() as tx:
        rows = tx.execute(query).all()
    return {row[0]: plan.stage_of(dict(zip(values, row[1:], strict=True)), now) for row in rows}


def _check_history(database: Database) -> None:
    """Intervals neither overlap nor turn round, name a new stage each, and the open one is the profile's."""
    p, h = profiles.c, stage_history.c
    with database.read() as tx:
        rows = tx.execute(select(p.contact_id, p.stage, p.stage_since, p.lifecycle_number)).all()
        spans = tx.execute(select(stage_history).order_by(h.contact_id, h.since)).all()
    for row in rows:
        theirs = [span for span in spans if span.contact_id == row.contact_id]
        assert all(span.until is not None and span.since < span.until for span in theirs[:-1])
        for one, other in pairwise(theirs):
            assert one.until == other.since
            assert one.name != other.name
            assert other.lifecycle_number - one.lifecycle_number in {0, 1}
        last = theirs[-1]
        assert (last.name, last.since, last.lifecycle_number, last.until) == (*tuple(row)[1:], None)


@pytest.mark.parametrize("preset", ["five", "saas", "services"])
def test_the_other_presets_place_everybody(shop: Shop, tmp_path: Path, preset: str) -> None:
    """Every preset is a set of stages that both databases understand."""
    (tmp_path / "presets").symlink_to(PROJECT / "config" / "presets")
    (tmp_path / "stages.yaml").write_text(f"preset: {preset}\n", encoding="utf-8")
    plan = load_stages(tmp_path, LANGUAGE)
    shop.tell(ContactRecord("known"), ContactRecord("signed_up", signed_up_at=NOW - DAY_MS, email_consent=True))
    shop.tell(*(order(f"o{number}", f"c{number % 3}", at=NOW - number * 15 * DAY_MS) for number in range(9)))
    score_contacts(shop.database, RULES, now=NOW)
    place_contacts(shop.database, plan, now=NOW)
    placed = _placed(shop.database)
    assert placed == _evaluated(shop.database, plan, NOW)
    assert None not in placed.values()
