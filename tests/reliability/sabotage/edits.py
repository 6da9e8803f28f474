"""What a sabotage is, and the tests that notice most of them."""

from __future__ import annotations

from dataclasses import dataclass

COUPONS = "tests/engine/test_coupons.py"
SIMULATION = "tests/reliability/simulation/test_simulation.py::test_every_promise_holds_in_every_story"


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file; `old` stands there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way of breaking a promise."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    """Each of these has to go red."""
