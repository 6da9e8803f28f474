"""The promises, held against two hundred stories of processes that collide, stop, die and lose their answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from clm.faults import FaultPoint
from tests.conftest import PROJECT
from tests.reliability.simulation.many import kept_seeds, stage, total
from tests.reliability.simulation.provider import Fate
from tests.reliability.simulation.simulation import Simulation, Stage, Story

SEEDS = 200
NOT_OF_A_BATCH = {FaultPoint.EVENTS_CHECKED}
"""Where only a web server comes to."""
TOLD = (
    "says the same code of spring",
    "says another code of spring",
    "says the same code of tin",
    "an order says SPRING-",
    "an order says TIN-",
    "waited for a code: sent",
    "waited for a code: expired",
    "answers [12] to message [0-9]+$",
    "answers [345] to message [0-9]+$",
    "answers . to message .* as before",
    "task: sent",
)
"""What the simulation says of codes and answers, and each of it more than once or twice."""
_LOOK = "look at one with: python -m tests.reliability.simulation --trace --seed"


@pytest.fixture(scope="module")
def own_stage() -> Iterator[Stage]:
    """A database in memory, made new for each seed."""
    with stage() as made:
        yield made


@pytest.fixture(scope="module")
def stories(own_stage: Stage) -> list[Story]:
    """What every seed came to; after three in which something was broken, nobody needs to hear more."""
    told: list[Story] = []
    for seed in range(SEEDS):
        told.append(Simulation(seed, own_stage).run())
        if sum(bool(story.broken) for story in told) == 3:
            break
    return told


def test_seeds_that_found_something_once_find_nothing_now(own_stage: Stage) -> None:
    """Every seed of seeds.txt is told again, and every promise holds."""
    broken = {seed: story.broken for seed in kept_seeds() if (story := Simulation(seed, own_stage).run()).broken}
    assert not broken, _LOOK


@pytest.mark.slow
def test_every_promise_holds_in_every_story(stories: list[Story]) -> None:
    """Whoever dies where, and whatever the provider does: not one promise is broken."""
    broken = {story.seed: story.broken for story in stories if story.broken}
    assert not broken, _LOOK


@pytest.mark.slow
def test_the_stories_are_as_bad_as_they_should_be(stories: list[Story]) -> None:
    """Every fault point is come to and somebody is killed at it; every fate befalls a message; many are in doubt."""
    killed: set[str] = set()
    reached: Counter[str] = Counter()
    for story in stories:
        last: dict[str, str] = {}
        for line in story.trace:
            _, who, what = line.split(" ", 2) if line.split(" ", 2)[1] == "-" else _parted(line)
            if what == "is killed":
                killed.add(last.get(who, ""))
            last[who] = what
            reached[what] += 1
    points = {point.value for point in FaultPoint} - NOT_OF_A_BATCH
    assert points <= reached.keys()
    assert points <= killed
    assert {fate.value for fate in Fate} <= reached.keys()
    figures, _ = total(stories)
    for kind in ("at_most_once", "at_least_once"):
        assert figures[kind]["in_doubt"] > figures[kind]["messages"] / 10


def _parted(line: str) -> tuple[str, str, str]:
    time, who, number, what = line.split(" ", 3)
    return time, f"{who} {number}", what


@pytest.mark.slow
def test_the_stories_tell_of_codes_and_answers(stories: list[Story]) -> None:
    """Codes are told, told again, replaced, used and lacking; people answer, low too, and the team hears of it."""
    seen: Counter[str] = Counter()
    for line in (line for story in stories for line in story.trace):
        seen.update(what for what in TOLD if re.search(what, line))
    assert {what: seen[what] for what in TOLD if seen[what] < 3} == {}


@pytest.mark.slow
def test_at_most_once_never_duplicates_and_at_least_once_does(stories: list[Story]) -> None:
    """Each campaign gets what it asked for: without the one, no duplicates; with the other, only where nobody knew."""
    figures, _ = total(stories)
    assert figures["at_most_once"]["duplicates"] == 0
    assert figures["at_most_once"]["losses"] > 0, "nothing was lost in doubt, so nothing was tried"
    assert figures["at_least_once"]["duplicates"] > 0, "nothing was sent again, so nothing was tried"


@pytest.mark.slow
def test_a_seed_tells_the_same_story_twice(own_stage: Stage) -> None:
    """Told twice, here and in another process with other hashes of texts, everything happens in the same order."""
    here = [Simulation(seed, own_stage).run().hash for seed in (11, 12, 11)]
    assert here[0] == here[2] != here[1]
    command = [sys.executable, "-m", "tests.reliability.simulation", "--seed", "11", "--hash"]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    told = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert told.stdout.split() == [here[0]], told.stderr
