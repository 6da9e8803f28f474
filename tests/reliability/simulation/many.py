"""Many stories, in several processes, and what they come to together."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reliability.simulation.simulation import Simulation, Stage, Story

KEPT = Path(__file__).parents[1] / "seeds.txt"
_MEMORY = Path("/dev/shm")
_stage: Stage | None = None


@contextmanager
def _folder() -> Iterator[str]:
    """A folder in memory, where there is such a thing."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="clm-simulation-") as folder:
        yield folder


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage for some seeds, one after the other."""
    with _folder() as folder:
        made = Stage(Path(folder))
        try:
            yield made
        finally:
            made.database.close()


def kept_seeds() -> list[int]:
    """Seeds that have found something once."""
    lines = KEPT.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def keep(story: Story) -> None:
    """Add a seed that has found something to those that every test run tries."""
    if story.seed not in kept_seeds():
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(f"{story.seed}  # {story.broken[0]}\n")


def total(stories: Iterable[Story]) -> tuple[dict[str, Counter[str]], list[Story]]:
    """The sum of all figures, and the stories in which something was broken."""
    figures: dict[str, Counter[str]] = {}
    broken = []
    for story in stories:
        for kind, counts in story.figures.items():
            figures.setdefault(kind, Counter()).update(counts)
        if story.broken:
            broken.append(story)
    return figures, broken


def per_10_000(counts: Counter[str]) -> dict[str, float]:
    """Rates of one kind of campaign."""
    return {
        name: round(10_000 * count / max(1, counts["messages"]), 1)
        for name, count in counts.items()
        if name != "messages"
    }


def _begin(folder: str) -> None:
    global _stage  # noqa: PLW0603 - one per process, because what SQLAlchemy has compiled is kept with it
    _stage = Stage(Path(tempfile.mkdtemp(dir=folder)))


def _one_of_many(seed: int) -> Story:
    assert _stage is not None
    story = Simulation(seed, _stage).run()
    return Story(story.seed, (), story.broken, story.figures)


def many(seeds: range, jobs: int) -> Iterator[Story]:
    """Each seed in one of several processes."""
    with _folder() as folder:
        context = multiprocessing.get_context("spawn")
        with context.Pool(jobs, initializer=_begin, initargs=(folder,)) as pool:
            yield from pool.imap_unordered(_one_of_many, seeds, chunksize=4)
