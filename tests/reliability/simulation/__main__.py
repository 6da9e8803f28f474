"""Runs many seeds, or looks at one: `python -m tests.reliability.simulation --seeds 20000`, `--seed 17 --trace`."""

from __future__ import annotations

import argparse
import json
import os
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.reliability.simulation.many import keep, many, per_10_000, stage, total
from tests.reliability.simulation.simulation import Simulation


def _look_at(seed: int, *, trace: bool, short: bool) -> int:
    with stage() as made:
        story = Simulation(seed, made).run()
    if short:
        _say(story.hash)
    else:
        _say(*(story.trace if trace else ()), f"seed {seed}: {len(story.trace)} steps, {story.hash}", *story.broken)
    return 1 if story.broken else 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def main() -> int:
    """Status 1 where a promise was broken; such seeds are added to tests/reliability/seeds.txt."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, help="look at this one alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: everything that happens, in order")
    parser.add_argument("--hash", action="store_true", help="with --seed: print the name of what happened, and no more")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args()
    if given.seed is not None:
        return _look_at(given.seed, trace=given.trace, short=given.hash)
    seeds = range(given.first, given.first + given.seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        figures, broken = total(progress.track(many(seeds, given.jobs), len(seeds), description="seeds"))
    for story in broken:
        keep(story)
    rates = {kind: {"messages": counts["messages"], **per_10_000(counts)} for kind, counts in sorted(figures.items())}
    if given.json:
        _say(json.dumps({"seeds": len(seeds), "broken": [story.seed for story in broken], "per_10_000": rates}))
    else:
        for kind, counts in rates.items():
            told = ", ".join(f"{name} {rate:g}" for name, rate in counts.items() if name != "messages")
            _say(f"{kind}: of 10,000 messages ({counts['messages']:,} handed over): {told}")
        _say(*(f"seed {story.seed}: {story.broken[0]}" for story in broken))
        _say(f"{len(seeds):,} seeds, {len(broken)} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
