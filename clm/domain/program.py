"""A campaign's tree of steps laid out as one list of nodes with edges, as it is carried out and drawn.

Every edge leads to a later node, so one pass in the order of the list takes everybody as far as they can go, and no
journey can turn in circles. An enrolment's position is the index of the node it stands before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from clm.domain.campaign import (
    Arm,
    BranchStep,
    Campaign,
    ExitStep,
    GoToStep,
    Loc,
    SendStep,
    SplitArm,
    SplitStep,
    Step,
    SuppressStep,
    UntilTime,
    UntilTrue,
    WaitStep,
    WaitUntilStep,
    arms_of,
    every_step,
)
from clm.domain.nearest import nearest
from clm.domain.node import (
    END,
    ArmUntil,
    Branch,
    BranchArm,
    End,
    Exit,
    Hold,
    LocalTime,
    Lot,
    Node,
    Program,
    Send,
    Split,
    Suppress,
    Wait,
)

NODES_MAX = 200
WORDS = ("continue", "exit")
"""What `otherwise` may say beside the name of a step."""

Fault = tuple[Loc, str]
"""A place in a campaign file, and what is wrong there."""


class ProgramError(ValueError):
    """A campaign's steps cannot be carried out; `program_faults` says why, and where."""


def program(campaign: Campaign) -> Program:
    """The campaign's steps as nodes; raises ProgramError where `program_faults` finds any."""
    faults = program_faults(campaign)
    if faults:
        raise ProgramError(faults[0][1])
    return Program(_Layout(campaign).nodes())


class _Layout:
    """Where each step's nodes stand, and what its nodes are."""

    def __init__(self, campaign: Campaign) -> None:
        self._steps = campaign.steps
        self._keys = step_keys(campaign)
        self._first: dict[Loc, int] = {}
        self._named_steps = {step.name: (loc, step) for loc, step in every_step(campaign.steps) if step.name}
        self._made: list[Node] = []
        index = 0
        for loc, step in every_step(campaign.steps):
            self._first[loc] = index
            index += _size(step)
        self._end = index

    def nodes(self) -> tuple[Node, ...]:
        self._make(self._steps, ("steps",), self._end)
        return (*self._made, End(END))

    def _make(self, steps: list[Step], under: Loc, after: int) -> None:
        for index, step in enumerate(steps):
            self._made += self._nodes_of(step, (*under, index), self._entry(steps, under, index + 1, after))
            for loc, arm in arms_of(step, (*under, index)):
                self._make(arm.steps, (*loc, "steps"), self._entry(steps, under, index + 1, after))

    def _entry(self, steps: list[Step], under: Loc, index: int, after: int) -> int:
        """The node that stands first in `steps` from `index` on; `after` where no step is left."""
        if index >= len(steps):
            return after
        step = steps[index]
        return self._named(step.go_to) if isinstance(step, GoToStep) else self._first[(*under, index)]

    def _named(self, name: str) -> int:
        loc, step = self._named_steps[name]
        return self._named(step.go_to) if isinstance(step, GoToStep) else self._first[loc]

    def _nodes_of(self, step: Step, loc: Loc, after: int) -> list[Node]:
        key, index = self._keys.get(loc, ""), self._first[loc]
        match step:
            case SendStep():
                return [Send(key, step, after)]
            case WaitStep(wait=duration):
                return [Wait(key, duration, after)]
            case WaitUntilStep(wait_until=UntilTime() as until):
                return [LocalTime(key, until, after)]
            case WaitUntilStep(wait_until=UntilTrue() as until):
                begins = ArmUntil(f"{key}:begins", until.when, until.at_most, after, index + 1)
                if until.otherwise == "exit":
                    hold = Hold(key, until.when, until.at_most, after, index + 2)
                    return [begins, hold, Exit(f"{key}:exit", hold.in_vain)]
                otherwise = after if until.otherwise == "continue" else self._named(until.otherwise)
                return [begins, Hold(key, until.when, until.at_most, after, otherwise)]
            case BranchStep(branch=arms):
                ways = [BranchArm(arm.when, self._arm(loc, "branch", n, arm, after)) for n, arm in enumerate(arms)]
                return [Branch(key, tuple(ways), after)]
            case SplitStep(split=lots):
                drawn = [
                    Lot(lot.name, lot.weight, self._arm(loc, "split", n, lot, after)) for n, lot in enumerate(lots)
                ]
                return [Split(key, tuple(drawn))]
            case ExitStep(exit=reason):
                return [Exit(key, reason)]
            case SuppressStep(suppress=channel):
                return [Suppress(key, channel, after)]
            case _:  # go_to is an edge
                return []

    def _arm(self, loc: Loc, kind: str, number: int, arm: Arm | SplitArm, after: int) -> int:
        return self._entry(arm.steps, (*loc, kind, number, "steps"), 0, after)


def _size(step: Step) -> int:
    match step:
        case GoToStep():
            return 0
        case WaitUntilStep(wait_until=UntilTrue(otherwise=otherwise)):
            return 3 if otherwise == "exit" else 2
        case _:
            return 1


def _kind(step: Step) -> str:
    match step:
        case WaitStep():
            return "wait"
        case WaitUntilStep():
            return "wait_until"
        case BranchStep():
            return "branch"
        case SplitStep():
            return "split"
        case ExitStep():
            return "exit"
        case SuppressStep():
            return "suppress"
        case _:
            return "go_to"


def step_keys(campaign: Campaign) -> dict[Loc, str]:
    """What each step is known by: its name, or its kind and how many of that kind without a name came before it."""
    seen: Counter[str] = Counter()
    keys: dict[Loc, str] = {}
    for loc, step in every_step(campaign.steps):
        if step.name is None:
            seen[_kind(step)] += 1
        keys[loc] = step.name or f"{_kind(step)}-{seen[_kind(step)]}"
    return keys


def program_faults(campaign: Campaign) -> list[Fault]:
    """What keeps the steps from being carried out, each with its place in the file and the remedy."""
    check = _Check(list(every_step(campaign.steps)))
    return [*check.names(), *check.unreachable(campaign.steps)]


@dataclass(slots=True)
class _Check:
    steps: list[tuple[Loc, Step]]
    _wanted: set[str] = field(default_factory=set)
    """Names that a step which can be reached leads to out of turn."""

    def names(self) -> Iterator[Fault]:
        """Faults of names, and of the number of steps."""
        size = sum(_size(step) for _, step in self.steps)
        if size > NODES_MAX:
            yield ("steps",), f"come to {size}; a campaign has at most {NODES_MAX}, make two of it"
        names = [step.name for _, step in self.steps if step.name]
        passed: set[str] = set()
        for loc, step in self.steps:
            at = (*loc, "send") if isinstance(step, SendStep) else (*loc, "name")
            if step.name in passed:
                does = "two steps send" if isinstance(step, SendStep) else "two steps are called"
                yield at, f"{does} `{step.name}`; a step's name is what makes its message once"
            if step.name in WORDS:
                yield at, f"`{step.name}` has a meaning of its own in `otherwise`; choose another name"
            if step.name:
                passed.add(step.name)
            wanted = _target(step)
            if wanted is not None:
                yield from self._target_faults(wanted, loc, step, [name for name in names if name not in passed])

    def _target_faults(self, wanted: str, loc: Loc, step: Step, later: list[str]) -> Iterator[Fault]:
        if wanted in later:
            return
        at = (*loc, "go_to") if isinstance(step, GoToStep) else (*loc, "wait_until", "otherwise")
        if any(one.name == wanted for _, one in self.steps):
            yield at, f"goes back to `{wanted}`, and people would go round in circles; name a later step"
            return
        known = later if isinstance(step, GoToStep) else [*WORDS, *later]
        yield at, f"`{wanted}` is no step{nearest(wanted, known)} (known: {', '.join(known) or 'none after it'})"

    def unreachable(
        self, steps: list[Step], under: Loc = ("steps",), *, live: bool = True
    ) -> Generator[Fault, None, bool]:
        """Faults of steps nobody comes to; returns whether somebody comes past them all."""
        told = not live  # of a whole arm, it has been told
        for index, step in enumerate(steps):
            here = (*under, index)
            if step.name in self._wanted:
                live, told = True, False
            if not live and not told:
                yield here, "nobody comes to this step, the one before leads elsewhere; remove it, or `go_to` its name"
                told = True
            live = yield from self._past(step, here, live=live)
        return live

    def _past(self, step: Step, here: Loc, *, live: bool) -> Generator[Fault, None, bool]:
        """Faults inside a step; returns whether somebody who comes to it may go on to the one after it."""
        wanted = _target(step)
        if wanted is not None and live:
            self._wanted.add(wanted)
        if isinstance(step, GoToStep | ExitStep):
            return False
        onwards, left = False, live
        for loc, arm in arms_of(step, here):
            if live and not left:
                yield loc, "nobody comes to this arm, the one above has no `when` and takes everybody; move it up"
            through = yield from self.unreachable(arm.steps, (*loc, "steps"), live=left)
            onwards = onwards or through
            left = left and not (isinstance(arm, Arm) and arm.when is None)
        return onwards or (left and not isinstance(step, SplitStep))


def _target(step: Step) -> str | None:
    """The name of the step that this one may lead to out of turn."""
    match step:
        case GoToStep(go_to=name):
            return name
        case WaitUntilStep(wait_until=UntilTrue(otherwise=name)) if name not in WORDS:
            return name
        case _:
            return None
