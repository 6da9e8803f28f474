"""Tasks that bring facts in and keep them right."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task

from clm.domain.instant import to_ms
from clm.engine.profile import refresh
from clm.engine.pull import pull_feed
from clm.errors import MappingError
from tasks.project import opened, wall_clock
from tasks.retrying import TRIED_AGAIN


def feeds() -> list[str]:
    """The feeds that config/sources.yaml lists, each as `source feed`."""
    return list(dict.fromkeys(f"{spec.source} {spec.feed}" for spec in opened().project.sources))


@task(task_run_name="pull {feed}", timeout_seconds=3600, **TRIED_AGAIN)
def pull(feed: str, as_of: datetime) -> dict[str, int]:
    """Read what is new in the files of one feed (`source feed`); returns read, new, changed, unchanged, quarantined."""
    workspace, log = opened(), get_run_logger()
    total: dict[str, int] = {}
    for spec in workspace.project.sources:
        if f"{spec.source} {spec.feed}" != feed:
            continue
        try:
            pulled = pull_feed(
                workspace.database, workspace.project.configuration.shop, spec, now=to_ms(as_of), read_at=wall_clock()
            )
        except MappingError:
            # Its text quotes a cell, which may hold anything once columns have slipped; Prefect keeps what is raised.
            raise MappingError(
                f"{feed}: a file does not fit the mapping in config/sources.yaml; `clm import` by hand says where"
            ) from None
        for name, count in pulled.counts.as_dict().items():
            total[name] = total.get(name, 0) + count
        log.info("%s: %d files with news, %s", feed, pulled.files, _shown(pulled.counts.as_dict()))
    if total.get("quarantined"):
        log.warning("%s: %d rows in quarantine; `clm quarantine` lists them with reasons", feed, total["quarantined"])
    return total


@task(task_run_name="refresh profiles", **TRIED_AGAIN)
def refresh_profiles(as_of: datetime) -> int:
    """Recompute facts that change by themselves as time passes; returns how many profiles."""
    refreshed = refresh(opened().database, now=to_ms(as_of))
    get_run_logger().info("%d profiles refreshed", refreshed)
    return refreshed


def _shown(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
