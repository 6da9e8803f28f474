"""Lifecycle stages: the first whose condition holds is where a contact is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clm.domain.condition import Condition, evaluate


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the lifecycle."""

    name: str
    when: Condition | None
    """None: the rest, everybody of whom no condition before it holds."""
    kpi: str
    ends_cycle: bool = False
    """Whoever comes back from here by ordering begins a new cycle."""


@dataclass(frozen=True, slots=True)
class Stages:
    """All stages, in the order in which they are asked; none at all leaves everybody without a stage."""

    stages: tuple[Stage, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The stages' names, in order."""
        return tuple(stage.name for stage in self.stages)

    def stage_of(self, facts: Mapping[str, Any], now: int) -> str | None:
        """Where a contact of these facts is at `now`."""
        for stage in self.stages:
            if stage.when is None or evaluate(stage.when, facts, now):
                return stage.name
        return None

    def begins_a_cycle(self, before: str | None, after: str | None, since: int | None, ordered_at: int | None) -> bool:
        """Whether a move is a return: out of a stage that ends the cycle, by an order placed since coming into it.

        An order told late, placed before anybody took the contact for lapsed, is none: they were never away.
        """
        ending = {stage.name for stage in self.stages if stage.ends_cycle}
        if before not in ending or after in ending or after is None:
            return False
        return since is not None and ordered_at is not None and ordered_at >= since
