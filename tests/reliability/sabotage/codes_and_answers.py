"""Sabotages of what is promised about codes and answers, each noticed by the simulation."""

from __future__ import annotations

from tests.reliability.sabotage.edits import SIMULATION, Edit, Sabotage


def _seen_by_the_simulation(name: str, file: str, old: str, new: str) -> Sabotage:
    return Sabotage(name, (Edit(file, old, new),), (SIMULATION,))


CODES_AND_ANSWERS: tuple[Sabotage, ...] = (
    _seen_by_the_simulation(
        "codes of a pool are taken though somebody has them",
        "clm/store/coupons.py",
        ".where(c.offer == offer, c.contact_id.is_(None), c.closed_at.is_(None))",
        ".where(c.offer == offer, c.closed_at.is_(None))",
    ),
    _seen_by_the_simulation(
        "who is written to again gets another code while theirs holds",
        "clm/engine/coupons.py",
        "return one.expires_at is not None and one.expires_at <= self.now and one.message_id != row.id",
        "return one.expires_at is not None and one.message_id != row.id",
    ),
    _seen_by_the_simulation(
        "a message for which there is no code is over at once",
        "clm/engine/intent.py",
        "        if self.now >= row.expires_at:\n",
        "        if self.now:\n",
    ),
    _seen_by_the_simulation(
        "codes are used as often as anybody likes",
        "clm/store/redemptions.py",
        '            " OR uses <= (SELECT COUNT(*) FROM redemptions r WHERE r.coupon_id = coupons.id))"\n',
        '            ")"\n',
    ),
    _seen_by_the_simulation(
        "every press of the button is an answer",
        "clm/engine/surveys.py",
        "    if before and not given.adds_to(_given(asked.survey, before[-1])):\n",
        "    if before and given.is_empty:\n",
    ),
    _seen_by_the_simulation(
        "promotions do not wait for a low mark to be put right",
        "clm/domain/policy.py",
        "    if owed is None or not candidate.service_first or not evaluate(owed, facts, now):\n",
        "    if owed is None or now:\n",
    ),
    Sabotage(
        "a code stays held for a letter of which an event says that it had come",
        (Edit("clm/store/doubt.py", "        coupons.give_back(tx, again)\n", "        pass\n"),),
        ("tests/reliability/simulation/test_simulation.py::test_seeds_that_found_something_once_find_nothing_now",),
    ),
)
