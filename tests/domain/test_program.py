"""Steps laid out: one list in which every edge leads onwards, and what cannot be laid out is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from clm.config import load_configuration
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS
from clm.domain.node import Branch, Exit, Hold, Lot, Program, Split, edges, length
from clm.domain.program import NODES_MAX, ProgramError, program, program_faults
from tests.conftest import PROJECT

A = {"send": "a", "channel": "email"}
B = {"send": "b", "channel": "email"}
C = {"send": "c", "channel": "email"}
WAIT = {"wait": "2d"}
CLICKED = {"when": "clicked('a')", "at_most": "11d"}


def campaign(*steps: dict[str, Any]) -> Campaign:
    """A campaign of these steps."""
    return Campaign.model_validate(
        {
            "campaign": "nudge",
            "title": "Nudge",
            "status": "live",
            "enter": {"when": "order_count >= 1", "once_per": "contact"},
            "steps": list(steps),
        }
    )


def laid_out(*steps: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The keys of the nodes in order, each with the keys of those it may lead to."""
    made = program(campaign(*steps))
    return [(node.key, [made.nodes[index].key for index in edges(node)]) for node in made.nodes]


def branch(*arms: tuple[str | None, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    """A branch; an arm without a condition is otherwise."""
    return {"branch": [{"when": when, "steps": steps} if when else {"steps": steps} for when, steps in arms]} | more


def split(*arms: tuple[str, int, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    """A split."""
    return {"split": [{"name": name, "weight": weight, "steps": steps} for name, weight, steps in arms]} | more


def test_a_plain_sequence_keeps_the_positions_it_always_had() -> None:
    """People who entered before there were branches stand where they stood: one node a step."""
    assert laid_out(A, WAIT, B) == [("a", ["wait-1"]), ("wait-1", ["b"]), ("b", [":end"]), (":end", [])]


def test_arms_come_together_after_the_branch() -> None:
    """Whoever no arm takes goes on after the branch as well, unless there is an arm for everybody else."""
    assert laid_out(A, branch(("order_count > 1", [B]), ("sms_consent", [])), C) == [
        ("a", ["branch-1"]),
        ("branch-1", ["b", "c"]),
        ("b", ["c"]),
        ("c", [":end"]),
        (":end", []),
    ]
    made = program(campaign(branch(("order_count > 1", [A]), (None, [B])))).nodes
    assert isinstance(made[0], Branch)
    assert edges(made[0]) == (1, 2)


def test_a_branch_within_a_split_within_a_branch() -> None:
    """However deep, every edge leads to a later node, and the last step of an arm leads out of all it is in."""
    inner = split(("one", 1, [branch(("sms_consent", [B]))]), ("two", 1, []), name="test")
    assert laid_out(branch(("order_count > 1", [A, inner])), C) == [
        ("branch-1", ["a", "c"]),
        ("a", ["test"]),
        ("test", ["branch-2", "c"]),
        ("branch-2", ["b", "c"]),
        ("b", ["c"]),
        ("c", [":end"]),
        (":end", []),
    ]


def test_waiting_for_a_condition_is_beginning_to_wait_and_being_held() -> None:
    """What then, if it never holds: go on, leave with a reason, or go to a later step."""
    assert laid_out(A, {"wait_until": CLICKED}, B)[1:3] == [
        ("wait_until-1:begins", ["b", "wait_until-1"]),
        ("wait_until-1", ["b"]),
    ]
    leaving = program(campaign(A, {"wait_until": CLICKED | {"otherwise": "exit"}}, B)).nodes
    assert leaving[3] == Exit("wait_until-1:exit", "11 days went by without `clicked('a')`")
    assert edges(leaving[2]) == (4, 3)
    elsewhere = program(campaign(A, {"wait_until": CLICKED | {"otherwise": "c"}}, B, C)).nodes
    assert isinstance(elsewhere[2], Hold)
    assert (elsewhere[2].next, elsewhere[2].otherwise) == (3, 4)


def test_going_to_a_step_is_an_edge_and_no_node() -> None:
    """From an arm, from its beginning, and to a step that itself goes on elsewhere."""
    assert laid_out(branch(("sms_consent", [A, {"go_to": "c"}]), ("email_consent", [{"go_to": "c"}])), B, C) == [
        ("branch-1", ["a", "c", "b"]),
        ("a", ["c"]),
        ("b", ["c"]),
        ("c", [":end"]),
        (":end", []),
    ]
    onwards = {"go_to": "c", "name": "onwards"}
    chained = branch(("sms_consent", [{"go_to": "onwards"}]), ("email_consent", [A, onwards]))
    assert laid_out(chained, B, C)[:2] == [("branch-1", ["c", "a", "b"]), ("a", ["c"])]


def test_splits_draw_by_weight() -> None:
    """Each arm has its share of the lots, in order, and the last one reaches to the end."""
    made = program(campaign(A, split(("few", 1, [B]), ("many", 3, []), name="test"))).nodes[1]
    assert isinstance(made, Split)
    assert made.arms == (Lot("few", 1, 2), Lot("many", 3, 3))
    assert [made.drawn(share).name for share in (0.0, 0.2499, 0.25, 0.9999)] == ["few", "few", "many", "many"]


def test_a_step_without_a_name_is_known_by_its_kind_and_number() -> None:
    """Steps of other kinds may come and go without changing what it is known by."""
    keys = [node.key for node in program(campaign(A, WAIT, {"suppress": "email"}, WAIT, {"exit": "enough"})).nodes]
    assert keys == ["a", "wait-1", "suppress-1", "wait-2", "exit-1", ":end"]
    named = program(campaign(A, {"name": "pause"} | WAIT, WAIT)).nodes
    assert [node.key for node in named] == ["a", "pause", "wait-1", ":end"]
    assert Program(named).index_of("wait-1") == 2
    assert Program(named).index_of("gone") is None


@pytest.mark.parametrize(
    ("steps", "faults"),
    [
        (
            [A, WAIT, A],
            [(("steps", 2, "send"), "two steps send `a`; a step's name is what makes its message once")],
        ),
        (
            [A, {"name": "a"} | WAIT],
            [(("steps", 1, "name"), "two steps are called `a`; a step's name is what makes its message once")],
        ),
        (
            [A, {"name": "continue"} | WAIT],
            [(("steps", 1, "name"), "`continue` has a meaning of its own in `otherwise`; choose another name")],
        ),
        (
            [A, branch(("sms_consent", [{"go_to": "a"}]))],
            [
                (
                    ("steps", 1, "branch", 0, "steps", 0, "go_to"),
                    "goes back to `a`, and people would go round in circles; name a later step",
                )
            ],
        ),
        (
            [A, {"wait_until": CLICKED | {"otherwise": "a"}}],
            [
                (
                    ("steps", 1, "wait_until", "otherwise"),
                    "goes back to `a`, and people would go round in circles; name a later step",
                )
            ],
        ),
        (
            [A, {"name": "w", "wait_until": CLICKED | {"otherwise": "w"}}],
            [
                (
                    ("steps", 1, "wait_until", "otherwise"),
                    "goes back to `w`, and people would go round in circles; name a later step",
                )
            ],
        ),
        (
            [A, branch(("sms_consent", [{"go_to": "lats"}])), {"send": "last", "channel": "sms"}],
            [
                (
                    ("steps", 1, "branch", 0, "steps", 0, "go_to"),
                    "`lats` is no step; did you mean `last`? (known: last)",
                )
            ],
        ),
        (
            [A, {"wait_until": CLICKED | {"otherwise": "stop"}}],
            [(("steps", 1, "wait_until", "otherwise"), "`stop` is no step (known: continue, exit)")],
        ),
        (
            [A, {"go_to": "x"}],
            [(("steps", 1, "go_to"), "`x` is no step (known: none after it)")],
        ),
        (
            [A, {"exit": "enough"}, WAIT, B],
            [
                (
                    ("steps", 2),
                    "nobody comes to this step, the one before leads elsewhere; remove it, or `go_to` its name",
                )
            ],
        ),
        (
            [A, branch((None, [B]), ("sms_consent", [C, WAIT]))],
            [
                (
                    ("steps", 1, "branch", 1),
                    "nobody comes to this arm, the one above has no `when` and takes everybody; move it up",
                )
            ],
        ),
        (
            [A, branch(("sms_consent", [{"exit": "one"}]), (None, [{"exit": "two"}])), B],
            [
                (
                    ("steps", 2),
                    "nobody comes to this step, the one before leads elsewhere; remove it, or `go_to` its name",
                )
            ],
        ),
        (
            [A, split(("x", 1, [{"exit": "one"}]), ("y", 1, [{"exit": "two"}])), B],
            [
                (
                    ("steps", 2),
                    "nobody comes to this step, the one before leads elsewhere; remove it, or `go_to` its name",
                )
            ],
        ),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    steps: list[dict[str, Any]], faults: list[tuple[tuple[int | str, ...], str]]
) -> None:
    """Circles, steps nobody comes to, and names that are not there or twice: once each, with place and remedy."""
    assert program_faults(campaign(*steps)) == faults
    with pytest.raises(ProgramError):
        program(campaign(*steps))


def test_a_step_behind_an_exit_is_reached_by_its_name() -> None:
    """Who waits in vain may be sent to a step that nobody else comes to."""
    steps = [A, {"wait_until": CLICKED | {"otherwise": "c"}}, B, {"exit": "thanked"}, C]
    assert program_faults(campaign(*steps)) == []


def test_a_step_wanted_only_by_what_nobody_reaches_is_not_reached() -> None:
    """Two dead steps do not keep each other alive."""
    faults = program_faults(campaign(A, {"exit": "enough"}, {"name": "x"} | WAIT, {"go_to": "c"}, C))
    assert [loc for loc, _ in faults] == [("steps", 2)]


def test_too_many_steps_are_refused() -> None:
    """A campaign that comes to more nodes than anybody can follow is told as one fault."""
    waits = [{"split": [{"name": f"x{arm}", "weight": 1, "steps": [WAIT] * 21} for arm in range(10)]}]
    ((loc, message),) = program_faults(campaign(A, *waits))
    assert loc == ("steps",)
    assert message == f"come to 212; a campaign has at most {NODES_MAX}, make two of it"


def test_all_shipped_campaigns_lead_onwards() -> None:
    """Every edge of every shipped campaign leads to a later node, and every node but the first is led to."""
    for one in load_configuration(PROJECT / "config").campaigns:
        nodes = program(one).nodes
        led_to = set()
        for index, node in enumerate(nodes):
            assert all(to > index for to in edges(node)), (one.campaign, node)
            led_to |= set(edges(node))
        assert led_to >= set(range(1, len(nodes) - 1)), one.campaign


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (DAY_MS * 11, "11 days"),
        (DAY_MS, "24 hours"),
        (DAY_MS * 3 // 2, "36 hours"),
        (DAY_MS // 24, "1 hour"),
        (DAY_MS // 48, "30 minutes"),
        (0, "0 minutes"),
    ],
)
def test_lengths_are_said_as_people_say_them(duration: int, said: str) -> None:
    """In days from two days on, below that in hours, below that in minutes."""
    assert length(duration) == said
