"""What config/offers.yaml may say, and how its faults are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clm.config import load_configuration
from clm.domain.offer import canonical, is_code
from clm.errors import ConfigurationError
from clm.offers_file import load_offers
from tests.conftest import PROJECT

CODES = "days: 5, codes: generated, prefix: SPRING"


def offers(folder: Path, line: str, *, locales: tuple[str, ...] = ("en-GB", "fa")) -> str:
    """What is told of a file with this one offer."""
    (folder / "offers.yaml").write_text(f"offers:\n  spring: {{{line}}}\n", encoding="utf-8")
    try:
        return repr(load_offers(folder, minor_per_major=100, locales=locales)["spring"].gives(("fa", "en")))
    except ConfigurationError as error:
        return str(error).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"kind: percent, percent: 15, {CODES}", {"kind": "percent", "percent": 15}),
        (f"kind: amount, amount: 5.00, {CODES}", {"kind": "amount", "amount": 500}),
        (f"kind: points, points: 200, {CODES}", {"kind": "points", "points": 200}),
        (f"kind: gift, gift: {{en: tea, fa: چای}}, {CODES}", {"kind": "gift", "gift": "چای"}),
        (f"kind: draw_entry, draw: {{en: a trip, fa: سفر}}, {CODES}", {"kind": "draw_entry", "draw": "سفر"}),
        (f"kind: free_shipping, {CODES}", {"kind": "free_shipping"}),
        (f"kind: priority_delivery, {CODES}", {"kind": "priority_delivery"}),
        ("kind: early_access, days: 5, codes: pool, warn_below: 50", {"kind": "early_access"}),
    ],
)
def test_every_kind_tells_templates_its_value(tmp_path: Path, line: str, told: dict[str, object]) -> None:
    """A percentage, money in minor units, points, or words in the reader's language; nothing where there is none."""
    assert offers(tmp_path, line) == repr(told)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"kind: precent, percent: 5, {CODES}", "spring.kind: `precent` is no kind of offer; did you mean `percent`?"),
        (f"kind: percent, {CODES}", "offers.spring: says nothing of its percent; write `percent: 15`"),
        (f"kind: percent, percent: 120, {CODES}", "offers.spring.percent: "),
        (f"kind: percent, percent: 5, amount: 3, {CODES}", "offers.spring.amount: is not of an offer of kind percent"),
        (f"kind: amount, amount: 5.001, {CODES}", "offers.spring.amount: has more decimals than the base currency"),
        (f"kind: gift, gift: {{en: tea}}, {CODES}", "offers.spring.gift: has no words in `fa`"),
        (f"kind: gift, gift: {{english: tea}}, {CODES}", "offers.spring.gift.english: "),
        (f"kind: percent, pecent: 5, {CODES}", "`pecent` is not a setting; did you mean `percent`?"),
        ("kind: free_shipping, days: 5, codes: generated", "offers.spring: needs a `prefix`"),
        ("kind: free_shipping, days: 0, codes: pool", "offers.spring.days: "),
        ("kind: free_shipping, days: 5, codes: pool, prefix: ABC", "offers.spring.prefix: is of generated codes"),
        (f"kind: free_shipping, warn_below: 5, {CODES}", "offers.spring.warn_below: is of a pool"),
        ("kind: free_shipping, days: 5, codes: generated, prefix: añb", "offers.spring.prefix: "),
    ],
)  # fmt: skip
def test_faults_name_their_place_and_the_remedy(tmp_path: Path, line: str, fault: str) -> None:
    """File, line, field, and what to write instead."""
    said = offers(tmp_path, line)
    assert said.startswith("offers.yaml:2:")
    assert fault in said


def test_a_step_carries_an_offer_that_there_is(config_folder: Callable[..., Path]) -> None:
    """A coupon without an offer is told in the campaign's file, with the nearest; faults of the offers come alone."""
    folder = config_folder(
        nudge="campaign: nudge\ntitle: Nudge\nstatus: live\nenter: {when: order_count >= 1, once_per: contact}\n"
        "steps:\n  - send: hello\n    channel: email\n    coupon: sprig\n"
    )
    (folder / "offers.yaml").write_text(f"offers:\n  spring: {{kind: free_shipping, {CODES}}}\n")
    with pytest.raises(ConfigurationError) as told:
        load_configuration(folder)
    assert "nudge.yaml:8:5: steps.1.coupon: `sprig` is no offer; did you mean `spring`?" in str(told.value)
    (folder / "offers.yaml").write_text("offers:\n  sprig: {kind: free_shipping, days: 5, codes: generated}\n")
    with pytest.raises(ConfigurationError) as told:
        load_configuration(folder)
    assert "is no offer" not in str(told.value)


def test_the_shipped_offers_are_those_that_campaigns_give() -> None:
    """No step names an offer that is not there, and none is there that no step gives."""
    configuration = load_configuration(PROJECT / "config")
    used = {step.coupon for campaign in configuration.campaigns for step in campaign.sends if step.coupon}
    assert used == set(configuration.offers)
    assert [one.name for one in configuration.offers.values() if one.for_friends and one.uses == 2] == ["referral"]


@pytest.mark.parametrize("typed", ["back-7kx2", " Back - 7KX2 ", "\u2067BACK-7KX2\u2069", "ＢＡＣＫ-７ＫＸ２"])
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    """Case, blanks, wide letters and the unseen marks of right-to-left text make no difference."""
    assert canonical(typed) == "BACK-7KX2"
    assert is_code(canonical(typed))
