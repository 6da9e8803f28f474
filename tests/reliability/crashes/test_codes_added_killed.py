"""`clm coupons add FILE` killed in the middle of a long file: typed again, every code is in the pool, once."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from clm.cli import coupons as command
from clm.engine import coupon_pool
from clm.store.database import Database
from clm.store.schema import coupons
from tests.engine.together import end_of, gate_for, started
from tests.reliability.crashes.acting import mark_of
from tests.reliability.crashes.moments import Written
from tests.reliability.crashes.scene import Scene, Stage

pytestmark = pytest.mark.slow

CODES = [f"TIN-{number:04}" for number in range(1_000)]
BATCH_LINES = 100
STORING = "INSERT INTO coupons"
"""Some codes of a batch are written, and nothing of it is committed."""
LOOKING = "SELECT code, offer FROM coupons"
"""The batches before are committed, and nothing of the next is written."""
MIDWAY = 5
KILLED = -signal.SIGKILL


@pytest.fixture
def file(scene: Scene) -> Path:
    """A thousand codes of the pool `tin`, of which the shop has exported one twice."""
    config, file = scene.stage.folder / "config", scene.stage.folder / "codes.csv"
    (config / "offers.yaml").write_text("offers:\n  tin: {kind: free_shipping, days: 30, codes: pool}\n")
    file.write_text("\n".join(["code,made", *(f"{code},2024-01-01" for code in CODES), CODES[0]]) + "\n")
    return file


@pytest.mark.parametrize("words", [pytest.param(STORING, id="storing"), pytest.param(LOOKING, id="between_batches")])
def test_typed_again_all_codes_are_in_exactly_once(scene: Scene, file: Path, words: str) -> None:
    """Whole batches are there when it is killed; the same file again adds the rest in its order, and once more none."""
    with started(type_in, [(scene.stage, file, Written(words, MIDWAY))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert mark_of(scene.stage, "shop").exists()
    before = _pool(scene)
    assert 0 < len(before) < len(CODES)
    assert before == CODES[: len(before)]
    assert len(before) % BATCH_LINES == 0
    for _ in range(2):
        with started(type_in, [(scene.stage, file)]) as fresh:
            assert end_of(fresh) == [0]
        assert _pool(scene) == CODES


def test_typed_by_two_at_once_one_of_whom_is_killed_all_codes_are_in_exactly_once(scene: Scene, file: Path) -> None:
    """They wait for each other code by code, and what the one has not brought in the other does."""
    gate = gate_for(2)
    # Each looks at every batch; who of them stores it is chance.
    ways = [(scene.stage, file, Written(LOOKING, MIDWAY), gate), (scene.stage, file, None, gate)]
    with started(type_in, ways) as both:
        assert end_of(both) == [KILLED, 0]
    assert sorted(_pool(scene)) == CODES


def type_in(stage: Stage, file: Path, moment: Written | None = None, gate: object = None) -> None:
    """What a marketer types, in batches so small that a thousand codes are many; killed at the moment."""
    settings = stage.settings
    told = {"HOME": settings.home, "CONFIG": settings.config, "DATABASE_URL": stage.url}
    os.environ.update({f"CLM_{name}": str(value) for name, value in told.items()})
    coupon_pool.BATCH_LINES = BATCH_LINES
    if moment is not None:
        moment.await_it(mark_of(stage, "shop"))
    if gate is not None:
        gate.wait()  # type: ignore[attr-defined]
    command.add("tin", file)


def _pool(scene: Scene) -> list[str]:
    """Every code that there is, in the order in which they are given out."""
    with contextlib.closing(Database(scene.stage.url)) as database, database.read() as tx:
        return list(tx.scalars(select(coupons.c.code).where(coupons.c.offer == "tin").order_by(coupons.c.id)))
