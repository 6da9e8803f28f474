"""Campaign files: everything wrong is told at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clm.config import CAMPAIGNS_MAX, load_configuration
from clm.domain.campaign import Campaign, SendStep
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.errors import ConfigurationError
from tests.conftest import PROJECT

NUDGE = """\
campaign: nudge
title: Nudge
status: live
enter:
  when: order_count >= 1
  once_per: contact
steps:
  - send: hello
    channel: email
"""

KNOWN = (
    "(known: campaign, title, status, purpose, topic, priority, enter, unless, exit, goal, holdout, in_flight,"
    " service_first, delivery, steps)"
)
CHANNELS = "`email`, `sms`, `staff` or `webhook`"
STEPS = "(known: send, wait, wait_until, branch, split, go_to, exit, suppress)"

Config = Callable[..., Path]


def faults(folder: Path) -> list[str]:
    """What is refused, with file names in place of whole paths."""
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(folder)
    return [str(fault).replace(f"{folder}/", "") for fault in refusal.value.faults]


def test_the_shipped_configuration_is_sound() -> None:
    """The campaigns of config/ load without a fault, and those that take people in say so."""
    campaigns = load_configuration(PROJECT / "config").campaigns
    assert len(campaigns) == 17
    assert [campaign.campaign for campaign in campaigns if campaign.status != "live"] == ["sunset"]


def test_a_campaign_reads_as_written(config_folder: Config) -> None:
    """Durations are milliseconds, a message waits three days for a working machine, marketing is the purpose."""
    text = NUDGE + "  - wait: 6d\n  - send: value\n    channel: sms\n    within: 4h\n"
    (campaign,) = load_configuration(config_folder(nudge=text)).campaigns
    assert campaign.purpose == "marketing"
    assert [step.within for step in campaign.sends] == [3 * DAY_MS, 4 * HOUR_MS]
    assert campaign.steps[1].model_dump() == {"wait": 6 * DAY_MS}


def test_every_fault_of_every_file_is_told_at_once_with_its_place(config_folder: Config) -> None:
    """Nobody mends one fault to be told of the next: file, line and column, field and remedy of all of them."""
    bad = """\
campaign: bad
titel: Bad
status: on
enter:
  when: order_cuont >= 1
  once_per: contact
unless: "open_tikets > 0"
goal: {when: ordered_since_entry and, within: 90x}
steps:
  - send: hello
    channel: fax
  - wait: soon
  - pause: 3d
"""
    folder = config_folder(bad=bad, other=NUDGE)
    (folder / "clm.yaml").write_text("base_currency: pounds\n")
    assert sorted(faults(folder)) == sorted(
        [
            "clm.yaml:1:1: base_currency: `pounds` is no currency; write three capital letters, such as EUR",
            "campaigns/bad.yaml:2:1: titel: `titel` is not a setting; did you mean `title`? " + KNOWN,
            "campaigns/bad.yaml:1:1: title: is required",
            "campaigns/bad.yaml:3:1: status: `on` is not known here; write `draft`, `live` or `paused`",
            "campaigns/bad.yaml:5:9: enter.when: `order_cuont` is not a fact; did you mean `order_count`?",
            "campaigns/bad.yaml:7:10: unless: `open_tikets` is not a fact; did you mean `open_tickets`?",
            "campaigns/bad.yaml:8:34: goal.when: is not a condition near `and`",
            "campaigns/bad.yaml:8:39: goal.within: `90x` is not a duration; write 30m, 4h, 6d or 2w",
            "campaigns/bad.yaml:11:5: steps.1.channel: `fax` is not known here; write " + CHANNELS,
            "campaigns/bad.yaml:12:5: steps.2.wait: `soon` is not a duration; write 30m, 4h, 6d or 2w",
            "campaigns/bad.yaml:13:5: steps.3: is no step " + STEPS,
            "campaigns/other.yaml:1:1: campaign: is `nudge` but the file is other.yaml; they must be the same",
        ]
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("title: Nudge again\n", "nudge.yaml:10:1: title: `title` is given twice; keep one"),
        ("  - send: hello\n    channel: sms\n", "nudge.yaml:10:5: steps.2.send: two steps send `hello`"),
        ("priority: 101\n", "nudge.yaml:10:1: priority: `101` is too much; write 100 or less"),
        ("unless: order_count > 1 -- never\n", "nudge.yaml:10:23: unless: holds a comment"),
        ("title: [\n", "nudge.yaml:11:1: is not YAML: expected the node content"),
        ("goal: &goal [*goal]\n", "nudge.yaml:10:"),
        ("unless: !!python/object:os.system x\n", "nudge.yaml:10:9: cannot be read: x"),
        ("unless: 2026-02-31\n", "nudge.yaml:10:9: cannot be read: 2026-02-31"),
        ("unless: \x01\n", "nudge.yaml: is not YAML"),
    ],
)
def test_a_fault_is_told_where_it_stands(config_folder: Config, change: str, says: str) -> None:
    """Whatever is wrong with a file is a ConfigurationError with its place, never a traceback."""
    assert any(says in fault for fault in faults(config_folder(nudge=NUDGE + change)))


def test_a_campaign_that_sends_nothing_is_refused(config_folder: Config) -> None:
    """A journey of waits alone is a mistake."""
    text = NUDGE[: NUDGE.index("steps:")] + "steps:\n  - wait: 3d\n"
    assert faults(config_folder(nudge=text)) == [
        "campaigns/nudge.yaml:7:1: steps: sends nothing; add a step `send: <name>`"
    ]


def test_a_missing_clm_yaml_is_told_with_the_campaigns_faults(config_folder: Config) -> None:
    """A fault in one file hides none in another."""
    folder = config_folder(other=NUDGE)
    (folder / "clm.yaml").unlink()
    assert [fault.split(":")[0] for fault in faults(folder)] == ["clm.yaml", "campaigns/other.yaml"]


def test_a_repeating_file_is_refused_before_it_fills_the_memory(config_folder: Config) -> None:
    """A few anchors that repeat one another stand for billions of values."""
    lines = ["a0: &a0 [1, 1]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "repeats itself" in faults(config_folder(nudge="\n".join(lines)))[0]


def test_more_campaigns_than_anybody_has_are_refused(config_folder: Config) -> None:
    """A folder generated by mistake is told as one fault."""
    names = [f"nudge_{number}" for number in range(CAMPAIGNS_MAX + 1)]
    folder = config_folder(**{name: NUDGE.replace("nudge", name) for name in names})
    assert faults(folder) == [f"campaigns: holds more than {CAMPAIGNS_MAX} campaigns"]


def campaign(**changes: object) -> Campaign:
    """The nudge campaign, changed."""
    given = {
        "campaign": "nudge",
        "title": "Nudge",
        "status": "live",
        "enter": {"when": "order_count >= 1", "once_per": "contact"},
        "steps": [{"send": "hello", "channel": "email"}, {"wait": "2d"}, {"send": "again", "channel": "email"}],
    }
    return Campaign.model_validate(given | changes)


def test_a_version_changes_with_what_people_go_through() -> None:
    """Title, status and priority may change under people in flight; conditions and steps make a new version."""
    before = campaign()
    assert campaign(title="Other", status="paused", priority=10).version == before.version
    assert campaign(steps=[{"send": "hello", "channel": "email"}]).version != before.version
    assert campaign(unless="order_count > 5").version != before.version
    assert campaign(enter={"when": "order_count >= 2", "once_per": "contact"}).version != before.version


def test_a_kept_definition_is_the_same_campaign_again() -> None:
    """What is kept of a version reads back as what it was, milliseconds included."""
    shown = {"title": "Nudge", "status": "live", "priority": 50}
    kept = Campaign.model_validate(json.loads(campaign().definition()) | shown)
    assert kept == campaign()
    assert isinstance(kept.steps[0], SendStep)


HELLO = {"send": "hello", "channel": "email"}
EVERYTHING: dict[str, object] = {
    "enter": {
        "when": "order_count >= 1",
        "once_per": "last( 'cart_updated' )",
        "again_after": "90d",
        "at_most": {"entries": 500, "within": "1d"},
    },
    "unless": "open_tickets > 0",
    "exit": [{"when": "last_rating <= 2", "reason": "not amused"}],
    "holdout": "12.5%",
    "in_flight": "move",
    "service_first": "ignore",
    "steps": [
        HELLO | {"coupon": "welcome"},
        {"wait_until": {"when": "clicked('hello')", "at_most": "11d", "otherwise": "exit"}},
        {"wait_until": {"at": "9:05", "on": ["mon", "fri"], "at_most": "7d"}, "name": "morning"},
        {
            "branch": [
                {"when": "sms_consent", "steps": [{"send": "call", "channel": "sms"}, {"go_to": "last"}]},
                {"steps": [{"send": "task", "channel": "staff"}]},
            ]
        },
        {"split": [{"name": "a", "weight": 1, "steps": []}, {"name": "b", "weight": 2, "steps": [{"exit": "enough"}]}]},
        {"suppress": "email", "name": "last"},
    ],
}


def test_everything_that_can_be_said_is_kept() -> None:
    """Whatever a file says reads back from its kept definition as the same campaign."""
    one = campaign(**EVERYTHING)
    todays = {"title": "Nudge", "status": "live", "priority": 50, "in_flight": "move"}
    assert Campaign.model_validate(json.loads(one.definition()) | todays) == one
    assert one.enter.once_per == "last('cart_updated')"
    assert one.holdout == 0.125
    assert [step.send for step in one.sends] == ["hello", "call", "task"]
    assert "09:05" in one.definition()


def test_every_condition_is_found_with_its_place() -> None:
    """In the order of the file, those in arms included, and what each may speak of."""
    found = list(campaign(**EVERYTHING).conditions())
    assert sorted(found, key=str) == sorted(
        [
            (("enter", "when"), "order_count >= 1", "contact"),
            (("unless",), "open_tickets > 0", "enrolment"),
            (("exit", 0, "when"), "last_rating <= 2", "enrolment"),
            (("steps", 1, "wait_until", "when"), "clicked('hello')", "enrolment"),
            (("steps", 3, "branch", 0, "when"), "sms_consent", "enrolment"),
        ],
        key=str,
    )


def test_settings_that_are_new_leave_old_versions_alone() -> None:
    """A definition mentions what is new only where it is used: no campaign gets a new version from a newer clm."""
    assert json.loads(campaign().definition()).keys() == {"campaign", "enter", "goal", "purpose", "steps", "unless"}
    assert campaign().version == "b2ca311c8195"
    assert campaign(holdout="0%", exit=[], service_first="hold").version == campaign().version
    assert campaign(in_flight="move").version == campaign().version, "today's file decides about people in flight"
    for more in ({"holdout": "10%"}, {"service_first": "ignore"}, {"exit": EVERYTHING["exit"]}):
        assert campaign(**more).version != campaign().version


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("  - send: again\n    wait: 3d\n", "10:5: steps.2: is both `send` and `wait`; a step does one thing"),
        ("  - brunch: []\n", "10:5: steps.2: is no step; did you mean `branch`? (known: send, wait, "),
        ("  - wait 3d\n", "10:5: steps.2: is no step (known: "),
        ("  - wait_until: {when: sms_consent}\n", "steps.2.wait_until: would wait for ever; say how long"),
        ("  - wait_until: {at_most: 3d}\n", "steps.2.wait_until: needs `when: <condition>` with `at_most: 11d`, or"),
        (
            "  - wait_until: {at: '09:00', when: sms_consent}\n",
            "steps.2.wait_until: waits for a condition (`when`) or for",
        ),
        ("  - wait_until: {at: 10:00}\n", '2.wait_until.at: `600` is not a time of day; write it in quotes, "09:00"'),
        ("  - wait_until: {at: '25:00'}\n", "wait_until.at: `25:00` is not a time of day"),
        (
            "  - wait_until: {at: '09:00', on: [monday]}\n",
            "wait_until.on.1: `monday` is not known here; did you mean `mon`?",
        ),
        ("  - branch: []\n", "steps.2.branch: holds nothing; write 1 or more"),
        ("  - branch: [{when: sms_consent}]\n", "steps.2.branch.1.steps: is required"),
        ("  - branch: [{when: sms_cons, steps: []}]\n", "10:21: steps.2.branch.1.when: `sms_cons` is not a fact"),
        ("  - split: [{name: a, weight: 1, steps: []}]\n", "steps.2.split: holds 1; write 2 or more"),
        (
            "  - split: [{name: a, weight: 1, steps: []}, {name: a, weight: 1, steps: []}]\n",
            "steps.2.split: two arms are called `a`; reports could not tell them apart",
        ),
        ("  - go_to: hello\n", "10:5: steps.2.go_to: goes back to `hello`, and people would go round in circles"),
        ("  - exit: enough\n  - wait: 3d\n", "11:5: steps.3: nobody comes to this step, the one before leads"),
        ("  - suppress: staff\n", "steps.2.suppress: `staff` is not known here; write `email` or `sms`"),
        ("holdout: 60%\n", "10:1: holdout: lies between 0% and 50%"),
        ("holdout: 10\n", "10:1: holdout: `10` is not a share; write 10%"),
        ("in_flight: jump\n", "in_flight: `jump` is not known here; write `stay` or `move`"),
        ("exit: [{when: sms_consent}]\n", "exit.1.reason: is required"),
        ("exit: [{when: sms_consnt, reason: x}]\n", "10:15: exit.1.when: `sms_consnt` is not a fact"),
    ],
)
def test_what_is_wrong_with_a_step_is_told_once_with_its_place(config_folder: Config, change: str, says: str) -> None:
    """Each fault by itself, with line, column, field and remedy, however deep it stands."""
    (fault,) = faults(config_folder(nudge=NUDGE + change))
    assert says in fault


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("lifecycle", None),
        ("first('trial_started')", None),
        ("kontact", "`kontact` names no fact to enter by; did you mean `contact`?"),
        ("last('Cart')", "`last('Cart')` names no fact to enter by"),
    ],
)
def test_what_names_an_enrolment(config_folder: Config, key: str, says: str | None) -> None:
    """The contact, an order, the lifecycle, or an event by its name."""
    folder = config_folder(nudge=NUDGE.replace("once_per: contact", f'once_per: "{key}"'))
    if says is None:
        assert load_configuration(folder).campaigns[0].enter.once_per == key
    else:
        assert says in faults(folder)[0]
