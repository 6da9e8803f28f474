"""The project a task works on, opened once per process, and the instant a run is for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from prefect.runtime import flow_run

from clm.domain.instant import to_ms
from clm.engine.workspace import Workspace, open_workspace
from clm.settings import Settings


def opened() -> Workspace:
    """The project that the environment names, opened once per process."""
    return _opened(Settings())


@lru_cache(maxsize=1)
def _opened(settings: Settings) -> Workspace:
    return open_workspace(settings)


def moment(as_of: datetime | None) -> datetime:
    """The instant a run is for: as given (UTC where it names no zone), or now, to the millisecond."""
    instant = datetime.now(UTC) if as_of is None else as_of
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def wall_clock() -> int:
    """Now, in milliseconds, for leases."""
    return to_ms(datetime.now(UTC))


def run_name(flow: str) -> Callable[[], str]:
    """A flow run's name: what it does and for when, `run-campaigns 2026-11-22 09:05`."""

    def name() -> str:
        as_of = flow_run.parameters.get("as_of")
        instant = moment(datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of)
        return f"{flow} {instant:%Y-%m-%d %H:%M}"

    return name
