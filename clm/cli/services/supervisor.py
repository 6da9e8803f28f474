"""`clm up` and `clm down`: Prefect's server, a worker and the web application on this machine, until Ctrl-C."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import yaml

from clm.cli.services import running
from clm.cli.services.demo_account import NAME, demo_account
from clm.cli.services.main_job import run_main_job, sent_table
from clm.cli.services.prefect_api import HOST, POOL, PrefectError, PrefectServer, now_iso, worker_is_healthy
from clm.cli.services.processes import Child, sweep, trim_log
from clm.cli.services.steps import LOOK_SECONDS, Interrupted, Interrupts, StepError, Steps
from clm.cli.services.surroundings import environment, free_port
from clm.cli.services.web_application import FIRST_PORT as FIRST_WEB_PORT
from clm.cli.services.web_application import WebApplication
from clm.errors import ClmError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from clm.settings import Settings

FIRST_PORT = 4200
WORKER_LIMIT = 4

# A name that stays makes one row in the UI, not one more for each start.
_WORKER = f"clm@{platform.node()}"

_START_SECONDS_MAX = 180.0
_SERVER_TRIES_MAX = 5
_GRACE_SECONDS = 15.0
_DOWN_SECONDS_MAX = 60.0
_WATCH_SECONDS = 0.5
_HEALTH_EVERY_SECONDS = 30.0
_UNHEALTHY_MAX = 6


def up(settings: Settings, *, project: Path, demo: bool, console: Console) -> int:
    """Start everything, stay until Ctrl-C or SIGTERM, stop everything; returns the exit status.

    With `demo`, the demo shop is made first and the main job runs once. 0 after being asked to stop; 1 when it runs
    already, when a step failed, or when it was stopped before it was ready. Nothing it started outlives it.
    """
    home = settings.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    try:
        with running.hold(home) as lock:
            settled = settings.model_copy(update={"home": home})
            return _Up(settled, project=project.resolve(), console=console, lock=lock).run(demo=demo)
    except ClmError as refusal:
        _say(console, str(refusal))
        return 1


def down(settings: Settings, *, console: Console) -> int:
    """Stop the `clm up` of this CLM_HOME and wait until it is gone; returns the exit status."""
    home = settings.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    asked: int | None = None
    deadline = time.monotonic() + _DOWN_SECONDS_MAX
    while True:
        try:
            with running.hold(home):
                left = sweep(home, grace_seconds=_GRACE_SECONDS)
        except running.AlreadyRunningError as other:
            if other.pid is not None and asked is None:
                asked = other.pid
                os.kill(asked, signal.SIGTERM)
        else:
            break
        if time.monotonic() > deadline:
            _say(console, f"clm did not stop within {_DOWN_SECONDS_MAX:.0f} s; its logs: {home / 'logs'}")
            return 1
        time.sleep(LOOK_SECONDS)
    if left:
        _say(console, f"Stopped {left} processes that a killed clm had left.")
    else:
        _say(console, "Stopped." if asked else f"Nothing runs on {home}.")
    return 0


class _Up:
    """One `clm up`, from taking the lock to the last child's end."""

    def __init__(self, settings: Settings, *, project: Path, console: Console, lock: IO[str]) -> None:
        self._settings = settings
        self._home = settings.home
        self._project = project
        self._console = console
        self._lock = lock
        self._logs = settings.home / "logs"
        self._server = PrefectServer(FIRST_PORT)
        self._server_child: Child | None = None
        self._worker_child: Child | None = None
        self._worker_port = 0
        self._web = WebApplication(FIRST_WEB_PORT)
        self._web_child: Child | None = None
        self._env: dict[str, str] = {}
        self._password: str | None = None
        self._interrupts = Interrupts()

    def run(self, *, demo: bool) -> int:
        """Start, show, watch; always stop."""
        steps = Steps(self._console, self._interrupts)
        ready = False
        try:
            for folder in (self._logs, self._settings.outbox):
                folder.mkdir(parents=True, exist_ok=True)
            swept = sweep(self._home, grace_seconds=_GRACE_SECONDS)
            if swept:
                _say(self._console, f"Stopped {swept} processes that an earlier clm left when it was killed.")
            flow_run_id = self._start(steps, demo=demo)
            self._show(flow_run_id)
            ready = True
            self._watch()
        except Interrupted:
            _say(self._console, "Stopping …")
            return 0 if ready else 1
        except (ClmError, OSError) as problem:
            _say(self._console, f"✗ {problem}")
            return 1
        finally:
            self._stop()

    def _start(self, steps: Steps, *, demo: bool) -> str | None:
        """All steps up to a running worker, and the main job if asked for; returns its flow run's id."""
        self._spawn_server()
        # The server needs seconds to come up; what needs no server is done meanwhile.
        if demo and not (self._home / "demo").exists():
            with steps.step("Demo shop"):
                self._run(steps, "demo", "-m", "clm", "demo")
        with steps.step("Database"):
            self._run(steps, "database", "-m", "clm", "db", "upgrade")
            if demo:
                self._password = demo_account(self._settings)
        with steps.step("Web application") as say:
            self._start_web(steps)
            say(self._web.url)
        with steps.step("Prefect server") as say:
            self._await_server(steps)
            say(self._server.url)
            self._server.ensure_pool()
            self._server.close_dead_runs(on_purpose=False)
        with steps.step("Worker and deployments") as say:
            since = now_iso()
            self._spawn_worker()
            self._run(steps, "deploy", "-m", "prefect", "--no-prompt", "deploy", "--all")
            kept = _deployments(self._project / "prefect.yaml")
            gone = self._server.prune_deployments(kept)
            steps.wait(
                lambda: (
                    worker_is_healthy(self._worker_port) and self._server.worker_is_online(_WORKER, since_iso=since)
                ),
                seconds_max=_START_SECONDS_MAX,
                failed=lambda: self._died(self._worker_child),
            )
            say(f"{len(kept)} deployments" + (f", removed {', '.join(gone)}" if gone else ""))
        if not demo:
            return None
        with steps.step("Lifecycle run") as say:
            return run_main_job(self._server, self._interrupts, say)

    def _run(self, steps: Steps, name: str, *arguments: str) -> None:
        """Run Python with `arguments` as one step, logging to `<name>.log`."""
        steps.run([sys.executable, *arguments], env=self._env, cwd=self._project, log=self._logs / f"{name}.log")

    def _spawn_server(self) -> None:
        port = free_port(self._server.port)
        if port != FIRST_PORT and self._server.port == FIRST_PORT:
            _say(self._console, f"Port {FIRST_PORT} is taken; using {port}.")
        self._server = PrefectServer(port)
        self._worker_port = free_port(port + 1)
        self._env = environment(
            self._settings,
            project=self._project,
            server=self._server,
            worker_port=self._worker_port,
        )
        command = ("server", "start", "--host", HOST, "--port", str(port))
        self._server_child = self._child("Prefect server", "server", "-m", "prefect", *command)

    def _await_server(self, steps: Steps) -> None:
        """Wait for our server; if a stranger took its port in the meantime, try the next."""
        for attempt in range(_SERVER_TRIES_MAX):
            try:
                steps.wait(
                    lambda: self._server.is_ready(self._settings.home / "prefect"),
                    seconds_max=_START_SECONDS_MAX,
                    failed=lambda: self._died(self._server_child),
                )
            except StepError as problem:
                if "already in use" not in str(problem) or attempt == _SERVER_TRIES_MAX - 1:
                    raise
                self._spawn_server()
            else:
                running.announce(self._lock, self._server.url)
                return

    def _start_web(self, steps: Steps) -> None:
        """Start the web application; if a stranger took its port in the meantime, try the next.

        Before the worker: what runs there writes links, which must lead here.
        """
        for attempt in range(_SERVER_TRIES_MAX):
            port = free_port(self._web.port)
            if port != FIRST_WEB_PORT and self._web.port == FIRST_WEB_PORT:
                _say(self._console, f"Port {FIRST_WEB_PORT} is taken; using {port}.")
            self._web = WebApplication(port)
            self._env |= self._web.environment(self._settings)
            self._web_child = self._child("Web application", "web", *self._web.command)
            try:
                steps.wait(
                    self._web_is_ready, seconds_max=_START_SECONDS_MAX, failed=lambda: self._died(self._web_child)
                )
            except StepError as problem:
                if "already in use" not in str(problem) or attempt == _SERVER_TRIES_MAX - 1:
                    raise
            else:
                return

    def _web_is_ready(self) -> bool:
        process = self._web_child.process if self._web_child is not None else None
        return process is not None and self._web.is_ready(process.pid)

    def _spawn_worker(self) -> None:
        command = ("worker", "start", "--name", _WORKER, "--pool", POOL, "--type", "process")
        more = ("--limit", str(WORKER_LIMIT), "--with-healthcheck")
        self._worker_child = self._child("Prefect worker", "worker", "-m", "prefect", *command, *more)

    def _child(self, name: str, log: str, *command: str) -> Child:
        child = Child(name, (sys.executable, *command), env=self._env, cwd=self._project, log=self._logs / f"{log}.log")
        child.start()
        return child

    @staticmethod
    def _died(child: Child | None) -> StepError | None:
        if child is None or (status := child.exit_status) is None:
            return None
        return StepError(f"{child.name} ended with exit status {status}.", child.log)

    def _show(self, flow_run_id: str | None) -> None:
        """Where to look, and what was sent."""
        if flow_run_id is not None:
            command = (sys.executable, "-m", "clm", "messages", "--json")
            listing = subprocess.run(  # noqa: S603 - our own command line, no shell
                command, cwd=self._project, env=self._env, capture_output=True, check=False, start_new_session=True
            )
            if listing.returncode != 0:
                raise StepError(f"`clm messages` failed:\n{listing.stderr.decode(errors='replace')}")
            self._console.print(sent_table(json.loads(listing.stdout)))
        places = {"Prefect UI": self._server.url, "Web": self._web.url}
        if flow_run_id is not None:
            places["This run"] = self._server.flow_run_url(flow_run_id)
        if self._password is not None:
            places["Staff pages"] = f"{self._web.url}/staff (name {NAME}, password {self._password})"
        places |= {
            "Outbox": str(self._settings.outbox),
            "Database": _without_password(self._settings.store_url),
            "Logs": str(self._logs),
        }
        for name, place in places.items():
            _say(self._console, f"{name:<11} {place}")
        _say(self._console, "Ctrl-C stops everything.")

    def _watch(self) -> NoReturn:
        """Keep everything running until somebody asks to stop."""
        unhealthy = 0
        next_look = time.monotonic() + _HEALTH_EVERY_SECONDS
        while True:
            self._interrupts.pause(_WATCH_SECONDS)
            self._revive()
            if time.monotonic() < next_look:
                continue
            next_look = time.monotonic() + _HEALTH_EVERY_SECONDS
            for log in self._logs.glob("*.log"):
                trim_log(log)
            unhealthy = 0 if worker_is_healthy(self._worker_port) else unhealthy + 1
            if unhealthy >= _UNHEALTHY_MAX and self._worker_child is not None:
                _say(self._console, "The worker has stopped asking for work; starting it again.")
                self._worker_child.stop(signal.SIGINT, grace_seconds=_GRACE_SECONDS)
                unhealthy = 0

    def _revive(self) -> None:
        """Start again what has ended, later each time."""
        for child in (self._server_child, self._worker_child, self._web_child):
            if child is None or child.restart_delay() != 0:
                continue
            _say(self._console, f"{child.name} ended with exit status {child.exit_status}; starting it again.")
            if child is self._worker_child:
                self._close_runs(on_purpose=False)
            child.start()

    def _close_runs(self, *, on_purpose: bool) -> None:
        """End the flow runs whose worker is gone, and say so to the server."""
        sweep(self._home, grace_seconds=_GRACE_SECONDS, flow_runs_only=True)
        try:
            self._server.close_dead_runs(on_purpose=on_purpose)
        except PrefectError:
            return  # the next start does it

    def _stop(self) -> None:
        """End everything, the worker first so that nothing new begins, and the server last so that it hears of it."""
        if self._worker_child is not None:
            self._worker_child.stop(signal.SIGINT, grace_seconds=_GRACE_SECONDS)
            self._close_runs(on_purpose=True)
        for child in (self._web_child, self._server_child):
            if child is not None:
                child.stop(signal.SIGTERM, grace_seconds=_GRACE_SECONDS)
        sweep(self._home, grace_seconds=_GRACE_SECONDS)


def _deployments(path: Path) -> set[tuple[str, str]]:
    """Name and entrypoint of every deployment in a prefect.yaml."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {(deployment["name"], deployment["entrypoint"]) for deployment in content["deployments"]}


def _without_password(url: str) -> str:
    """A database URL that may be shown."""
    parts = urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":***@", 1)


def _say(console: Console, text: str) -> None:
    """Print as it is: no markup, no wrapping of addresses."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
