"""Branches and splits: by which way people go, and what is kept of it."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord
from clm.store.schema import contacts, enrolments
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW, order
from tests.engine.steps import BY_VALUE, REPEAT, Left, buys_again, journeys, kept, sent_to


def three_customers(rehearsal: Rehearsal) -> None:
    """Who ordered once, twice and three times."""
    for number, name in enumerate(("ada", "bob", "cyd")):
        rehearsal.customer(name)
        for again in range(number):
            rehearsal.shop.tell(order(f"{name}-{again + 2}", name, at=NOW - HOUR_MS))


def test_the_first_arm_that_fits_is_taken_and_nobody_is_lost(rehearsal: Rehearsal) -> None:
    """Three orders are also two, and take the first arm; one order takes none and goes on after the branch."""
    rehearsal.have(campaign(steps=[BY_VALUE, HELLO]))
    three_customers(rehearsal)
    rehearsal.decide(NOW)
    rehearsal.decide(NOW + 2 * DAY_MS)
    assert {name: sent_to(rehearsal, name) for name in ("ada", "bob", "cyd")} == {
        "ada": ["hello"],
        "bob": ["again", "hello"],
        "cyd": ["last", "hello"],
    }
    assert {left.status for left in journeys(rehearsal)} == {"completed"}


def test_everybody_else_takes_the_arm_without_a_condition(rehearsal: Rehearsal) -> None:
    """Unknown is not enough for an arm, and is enough for otherwise."""
    unknown = {"when": "days_since(last_rated_at) < 14", "steps": [LAST]}
    rehearsal.have(campaign(steps=[{"branch": [unknown, {"steps": [AGAIN]}], "name": "rated"}]))
    rehearsal.customer()
    rehearsal.decide(NOW)
    assert sent_to(rehearsal) == ["again"]
    assert kept(rehearsal, "branched") == [("ada", "rated: otherwise", {"last_rated_at": None})]


def test_a_branch_keeps_which_arm_and_by_which_facts(rehearsal: Rehearsal) -> None:
    """Why somebody got this and not that can be told later."""
    rehearsal.have(campaign(steps=[BY_VALUE, HELLO]))
    three_customers(rehearsal)
    rehearsal.decide(NOW)
    assert kept(rehearsal, "branched") == [
        ("ada", "branch-1: none of its conditions holds", {"order_count": 1}),
        ("bob", "branch-1: order_count >= 2", {"order_count": 2}),
        ("cyd", "branch-1: order_count >= 3", {"order_count": 3}),
    ]


def test_going_on_at_a_later_step(rehearsal: Rehearsal) -> None:
    """An arm may skip what stands between, and an exit ends the journey with its reason."""
    skip = {"branch": [{"when": REPEAT, "steps": [{"go_to": "last"}]}]}
    rehearsal.have(campaign(steps=[skip, HELLO, {"exit": "no interest shown"}, LAST]))
    rehearsal.customer("ada")
    rehearsal.customer("bob")
    buys_again(rehearsal, at=NOW - HOUR_MS)
    rehearsal.decide(NOW)
    assert (sent_to(rehearsal, "ada"), sent_to(rehearsal, "bob")) == (["last"], ["hello"])
    assert journeys(rehearsal) == [Left("ada", "completed", None), Left("bob", "exited", "no interest shown")]
    assert ("exited", "no interest shown") in rehearsal.decisions()


DRAWN = [
    "subject=plain,split-1=late",
    "subject=plain,split-1=late",
    "subject=question,split-1=late",
    "subject=plain,split-1=late",
]


def test_a_split_draws_by_weight_and_always_the_same(rehearsal: Rehearsal) -> None:
    """Shares are near the weights, the arm is kept, and another database draws the same."""
    arms = [{"name": "question", "weight": 1, "steps": [AGAIN]}, {"name": "plain", "weight": 3, "steps": [LAST]}]
    second = [{"name": "early", "weight": 1, "steps": []}, {"name": "late", "weight": 1, "steps": [TWO_DAYS]}]
    rehearsal.have(campaign(steps=[{"split": arms, "name": "subject"}, {"split": second}, HELLO]))
    people = [f"c{number}" for number in range(200)]
    rehearsal.shop.tell(*(ContactRecord(name, email_consent=True) for name in people))
    rehearsal.shop.tell(*(order(f"{name}-1", name) for name in people))
    rehearsal.decide(NOW)
    e, c = enrolments.c, contacts.c
    with rehearsal.database.read() as tx:
        query = select(c.external_id, e.variant).join(contacts, c.id == e.contact_id)
        variants: dict[str, str] = {row.external_id: row.variant for row in tx.execute(query)}
    drawn = Counter(variants.values())
    asked = sum(count for variant, count in drawn.items() if variant.startswith("subject=question"))
    late = sum(count for variant, count in drawn.items() if variant.endswith("split-1=late"))
    assert 30 <= asked <= 70
    assert 75 <= late <= 125
    assert len(drawn) == 4, "one split says nothing about the other"
    assert [variants[name] for name in people[:4]] == DRAWN, "which depends on source and id alone"
    for name in people:
        first = "again" if variants[name].startswith("subject=question") else "last"
        assert sent_to(rehearsal, name)[0] == first
    assert Counter(reason for _, reason, _ in kept(rehearsal, "split"))["subject: question"] == asked
