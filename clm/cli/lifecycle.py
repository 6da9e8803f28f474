"""`clm run`: the lifecycle once, as a Prefect flow in a process of its own, because clm does not know Prefect."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal, NoReturn

from cyclopts import Parameter

import clm
from clm.cli.terminal import AsJson, err, moment, out, print_json, table
from clm.domain.instant import iso, to_ms
from clm.engine.workspace import load_project, open_database
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import profiles

Stage = Literal["pull", "score", "campaigns", "reconcile", "dispatch", "report"]

_TEMPORARY_SERVERS_MAX = 16
_ANSWER_SECONDS_MAX = 3
_STOP_SECONDS_MAX = 15

# A shell, because it takes a thirtieth of the memory of another Python; `read` waits until nobody can write any more.
_GUARD = ("/bin/sh", "-c", 'read -r _; kill -s TERM -- "-$1" 2>/dev/null', "clm-run-guard")


def run(
    *,
    as_of: Annotated[str | None, Parameter(help="The instant to run for, ISO 8601; default: now.")] = None,
    only: Annotated[list[Stage] | None, Parameter(negative="", help="Only these stages.")] = None,
    json: AsJson = False,
) -> int:
    """Run the lifecycle once: pull, score, campaigns, reconcile, dispatch, report.

    Uses the Prefect server at PREFECT_API_URL where one answers, and a temporary one otherwise (about ten seconds).
    Running again at the same or a later instant sends nothing twice.

    Example: clm run --as-of 2010-12-01T09:00:00Z --json
    """
    settings = Settings()
    instant = moment(as_of, "--as-of")
    load_project(settings)  # refuse faults here, in one piece, rather than as a failed flow run
    _warn_of_later_facts(settings, instant)
    request = {"as_of": instant and instant.isoformat(), "only": only}
    # Ctrl-C too, also where it came in ignored, as it does for a shell's background job: the flow would inherit that.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _interrupt)
    with _surroundings(settings) as (environment, held):
        summary = _run_flow(request, environment, held)
    if json:
        print_json(summary)
    else:
        _print_summary(summary)
    return 0


def project_folder() -> Path:
    """The folder that holds flows/: here, or where clm was installed from; raises ClmError when there is none."""
    for folder in (Path.cwd(), Path(clm.__file__).parents[1]):
        if (folder / "flows" / "run_lifecycle.py").is_file():
            return folder
    raise ClmError("there is no flows/run_lifecycle.py here; run clm from the project's top folder")


def _warn_of_later_facts(settings: Settings, instant: datetime | None) -> None:
    database = open_database(settings, create=True)
    try:
        with database.read() as tx:
            newest = profiles.newest_fact_at(tx)
    finally:
        database.close()
    if instant is not None and newest is not None and newest > to_ms(instant):
        err.print(
            f"[yellow]note:[/] there are facts up to {iso(newest)}, later than --as-of; profiles count them as they are"
        )


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _run_flow(request: dict[str, Any], environment: dict[str, str], held: tuple[int, ...]) -> dict[str, Any]:
    """Run the flow and return its summary, which comes by a file.

    A pipe would stay open in Prefect's temporary server if the flow's process were killed, and nobody would ever know.
    That server is in the flow's session and is ended with it.
    """
    with tempfile.TemporaryDirectory(prefix="clm-run-") as folder:
        summary = Path(folder) / "summary.json"
        command = [sys.executable, "-m", "flows.run_lifecycle", json.dumps(request), str(summary)]
        watched, alive = os.pipe()
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments as JSON
            command,
            cwd=project_folder(),
            env=environment,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
            pass_fds=(*held, alive),
        )
        with _guard(process.pid, watched, alive):
            try:
                status = process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_SECONDS_MAX)
                raise
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        if status != 0:
            raise ClmError(
                f"the run failed (exit status {status}); what went wrong stands above. Running again is safe"
            )
        found: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8"))
        return found


@contextlib.contextmanager
def _guard(group: int, watched: int, alive: int) -> Iterator[None]:
    """Somebody who ends `group` when this process and the flow's are both gone, however they went.

    Only these two hold `alive`, the writing end of a pipe, so its end is theirs; nobody else would tell the temporary
    server. In a session of its own: Ctrl-C is not for it.
    """
    guard = subprocess.Popen([*_GUARD, str(group)], stdin=watched, start_new_session=True)  # noqa: S603 - a constant
    os.close(watched)
    try:
        yield
    finally:
        os.close(alive)
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(_STOP_SECONDS_MAX)


@contextlib.contextmanager
def _surroundings(settings: Settings) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The environment of the flow's process, with a Prefect server that answers or a home for a temporary one.

    And the open files that it must hold on to: the lock on that home, should this process die before it.
    """
    environment = os.environ | {
        "CLM_HOME": str(settings.home.resolve()),
        "CLM_CONFIG": str(settings.config.resolve()),
        "CLM_TEMPLATES": str(settings.templates.resolve()),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    api = os.environ.get("PREFECT_API_URL")
    if api and _answers(api):
        yield environment, ()
        return
    if api:
        err.print(f"[yellow]note:[/] no Prefect server answers at {api}; using a temporary one")
    environment.pop("PREFECT_API_URL", None)
    with _temporary_home(settings.home.resolve()) as (home, lock):
        temporary = {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
            # Creating its database takes over 20 s (the default) when two start at once on two cores.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        }
        yield environment | temporary, (lock,)


def _answers(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=_ANSWER_SECONDS_MAX) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def _temporary_home(home: Path) -> Iterator[tuple[Path, int]]:
    """A Prefect home nobody else uses at this moment: two temporary servers on one database get in each other's way."""
    for number in range(1, _TEMPORARY_SERVERS_MAX + 1):
        folder = home / f"prefect-once-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield folder, lock.fileno()
            return
    raise ClmError(f"{_TEMPORARY_SERVERS_MAX} runs are under way on {home} already")


def _print_summary(summary: dict[str, Any]) -> None:
    out.print(f"[bold]as of {summary['as_of']}[/]")
    for feed, counts in summary["pulled"].items():
        if counts:
            out.print(f"pulled {feed}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    shown = table("campaign", "enrolled", right=("enrolled",))
    for campaign, count in summary["enrolled"].items():
        shown.add_row(campaign, f"{count:,}")
    out.print(shown)
    out.print(
        "messages: "
        + (", ".join(f"{count:,} {status}" for status, count in summary["messages"].items() if count) or "none")
        + (f" ({summary['deferred']:,} put off, with reasons)" if summary["deferred"] else "")
    )
    out.print("[dim]see them: clm messages; read them: the outbox in CLM_HOME[/]")
