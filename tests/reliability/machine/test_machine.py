"""Whatever people, providers and operators do, in whatever order: every promise holds, on both databases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.databases import empty
from tests.reliability.machine.machine import ShopMachine
from tests.reliability.simulation.many import stage
from tests.reliability.simulation.simulation import Stage
from tests.reliability.simulation.world import WatchedDatabase

EXAMPLES, STEPS = 60, 40
EXAMPLES_ON_POSTGRESQL = 12


def _run(fresh: Any, examples: int) -> None:
    machine = type("Shop", (ShopMachine,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        ),
    )


@pytest.fixture
def own_stage() -> Iterator[Stage]:
    """A database in memory, made new for each example."""
    with stage() as made:
        yield made


@pytest.mark.slow
def test_every_promise_holds_on_sqlite(own_stage: Stage) -> None:
    """No order of facts, faults and runs breaks a promise."""
    _run(own_stage.clear, EXAMPLES)


@pytest.mark.slow
def test_every_promise_holds_on_postgresql(postgres_url: str) -> None:
    """The same, on the other database."""
    with contextlib.closing(WatchedDatabase(postgres_url)) as database:

        def fresh() -> WatchedDatabase:
            empty(database)
            return database

        _run(fresh, EXAMPLES_ON_POSTGRESQL)
