"""What a campaign's steps come down to: nodes, each one thing done to an enrolment, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass

from clm.domain.campaign import SendStep, UntilTime
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS

END = ":end"
"""The key of the last node; with a colon, as no name of a step has."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing done to an enrolment; `key` is what edited files and diagrams know it by."""

    key: str


@dataclass(frozen=True, slots=True)
class Send(Node):
    """Queues the step's message."""

    step: SendStep
    next: int


@dataclass(frozen=True, slots=True)
class Wait(Node):
    """Waits from now on."""

    duration: int
    next: int


@dataclass(frozen=True, slots=True)
class ArmUntil(Node):
    """Begins to wait for a condition: lets through at once where it holds, or sets the deadline."""

    when: str
    at_most: int
    next: int
    """Where those go of whom the condition holds already."""
    hold: int


@dataclass(frozen=True, slots=True)
class Hold(Node):
    """Holds people until the condition holds, or the deadline is past."""

    when: str
    at_most: int
    next: int
    otherwise: int

    @property
    def in_vain(self) -> str:
        """Why somebody goes on otherwise."""
        return f"{length(self.at_most)} went by without `{self.when}`"


@dataclass(frozen=True, slots=True)
class LocalTime(Node):
    """Waits until a time of day where the contact lives."""

    until: UntilTime
    next: int


@dataclass(frozen=True, slots=True)
class BranchArm:
    """One way on, and the condition it asks; None is everybody else."""

    when: str | None
    to: int


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """Goes on by the first arm whose condition holds."""

    arms: tuple[BranchArm, ...]
    next: int
    """Where those go whom no arm takes."""


@dataclass(frozen=True, slots=True)
class Lot:
    """One arm of a split."""

    name: str
    weight: int
    to: int


@dataclass(frozen=True, slots=True)
class Split(Node):
    """Draws lots between arms."""

    arms: tuple[Lot, ...]

    def drawn(self, share: float) -> Lot:
        """The arm of a contact whose mixed lot lies at `share` (0 to 1) of all lots."""
        total = sum(arm.weight for arm in self.arms)
        passed = 0
        for arm in self.arms:
            passed += arm.weight
            if share * total < passed:
                return arm
        return self.arms[-1]


@dataclass(frozen=True, slots=True)
class Exit(Node):
    """Ends the journey with a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Suppress(Node):
    """Adds the contact's address to the suppressions of a channel."""

    channel: str
    next: int


@dataclass(frozen=True, slots=True)
class End(Node):
    """All steps done."""


@dataclass(frozen=True, slots=True)
class Program:
    """The nodes of one version of a campaign, in the order they are passed."""

    nodes: tuple[Node, ...]

    def index_of(self, key: str) -> int | None:
        """Where the node of that key stands; None where there is none (any more)."""
        return next((index for index, node in enumerate(self.nodes) if node.key == key), None)


def edges(node: Node) -> tuple[int, ...]:
    """The nodes that somebody may go on to, each once."""
    match node:
        case Send() | Wait() | LocalTime() | Suppress():
            return (node.next,)
        case ArmUntil():
            found = [node.next, node.hold]
        case Hold():
            found = [node.next, node.otherwise]
        case Branch():
            found = [arm.to for arm in node.arms]
            if all(arm.when is not None for arm in node.arms):
                found.append(node.next)
        case Split():
            found = [arm.to for arm in node.arms]
        case _:
            return ()
    return tuple(dict.fromkeys(found))


def length(duration: int) -> str:
    """Milliseconds as people say them: 45 minutes, 36 hours, 11 days."""
    for unit, size in (("day", DAY_MS), ("hour", HOUR_MS), ("minute", 60 * SECOND_MS)):
        if duration >= (2 * size if unit == "day" else size):
            break
    count = duration / size
    return f"{count:g} {unit}{'' if count == 1 else 's'}"
