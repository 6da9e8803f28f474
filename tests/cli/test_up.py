"""`clm up` and `clm down`: everything starts with one command, and nothing outlives it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console

from clm.cli.services import processes, running
from clm.cli.services.main_job import sent_table
from clm.cli.services.prefect_api import POOL, PrefectServer
from clm.cli.services.processes import MARK, Child, sweep, trim_log
from clm.cli.services.surroundings import environment, free_port
from clm.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 120.0

FLOWS = """
    import os, time
    from pathlib import Path
    from prefect import flow

    @flow(name="run-lifecycle")
    def run_lifecycle(as_of: str | None = None) -> None:
        Path(os.environ["CLM_HOME"], "links").write_text(os.environ["CLM_PUBLIC_URL"])
        Path(os.environ["CLM_HOME"], "ran").write_text(os.getcwd())
        if Path("wait").exists():
            time.sleep(600)
        if Path("fail").exists():
            raise RuntimeError("the shop burnt down")

    @flow(name="tick")
    def tick() -> None:
        pass
"""
PREFECT_YAML = """
    name: throw-away
    pull:
      - prefect.deployments.steps.set_working_directory: {directory: "{{ $CLM_PROJECT }}"}
    deployments:
      - name: run-lifecycle
        entrypoint: flows/run_lifecycle.py:run_lifecycle
        work_pool: {name: clm}
        concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
      - name: tick
        entrypoint: flows/run_lifecycle.py:tick
        work_pool: {name: clm}
        schedules: [{slug: yearly, cron: "0 0 1 1 *", timezone: Europe/London}]
"""


class Project:
    """A throw-away project and the commands one runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.said = folder / "said"
        self.started: list[subprocess.Popen[bytes]] = []
        (folder / "flows").mkdir()
        (folder / "flows" / "run_lifecycle.py").write_text(dedent(FLOWS))
        (folder / "prefect.yaml").write_text(dedent(PREFECT_YAML))
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "CLM_"))}
        # What a person may have set for another Prefect must not matter.
        self.env |= {"CLM_CONFIG": str(ROOT / "config"), "CLM_TEMPLATES": str(ROOT / "templates")}
        self.env |= {"CLM_HOME": "home", "PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_API_KEY": "theirs"}

    def clm(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "clm", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    def up(self, *arguments: str, until: str = "Ctrl-C stops everything") -> subprocess.Popen[bytes]:
        """Start `clm up` and wait until it has said `until`."""
        with self.said.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "clm", "up", *arguments],
                cwd=self.folder,
                env=self.env,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        wait_for(lambda: until in self.said.read_text() or process.poll() is not None)
        assert until in self.said.read_text(), self.said.read_text()
        return process

    @property
    def server(self) -> PrefectServer:
        """The server as `clm up` has announced it."""
        url = json.loads((self.home / "up.lock").read_text())["url"]
        return PrefectServer(int(url.rpartition(":")[2]))

    def ask(self, path: str, **body: Any) -> Any:
        """Ask the Prefect API."""
        request = urllib.request.Request(
            self.server.api_url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def states(self, flow: str) -> list[str]:
        """The states of a flow's runs."""
        return [run["state_type"] for run in self.ask("/flow_runs/filter", flows={"name": {"any_": [flow]}})]

    def processes(self) -> list[int]:
        """Every process of ours but `clm up` itself, by its CLM_HOME: independent of how clm marks them."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in [process.pid for process in self.started]:
                try:
                    environ = (entry / "environ").read_bytes().split(b"\0")
                except OSError:
                    continue
                if f"CLM_HOME={self.home}".encode() in environ:
                    found.append(int(entry.name))
        return found


def wait_for(true: Callable[[], bool], seconds_max: float = SECONDS_MAX) -> None:
    """Wait until something is true; fails when it takes too long."""
    deadline = time.monotonic() + seconds_max
    while not true():
        assert time.monotonic() < deadline, f"nothing after {seconds_max:.0f} s"
        time.sleep(0.1)


def command_of(pid: int) -> bytes:
    """What a process runs."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A throw-away project; whatever a failed test leaves running is stopped."""
    found = Project(tmp_path)
    yield found
    for process in found.started:
        process.kill()
        process.wait()
    sweep(found.home, grace_seconds=5.0)


@pytest.mark.slow
def test_up_works_until_ctrl_c(project: Project) -> None:
    """It deploys, schedules, runs the main job, starts a dead worker again; Ctrl-C stops the last process of it."""
    up = project.up("--demo")
    said = project.said.read_text()
    assert (project.home / "ran").read_text() == str(project.folder)
    assert f"{project.server.url}/runs/flow-run/" in said
    assert str(project.home / "outbox") in said
    # SQLAlchemy 2.1 makes a healthy-looking server that never inserts a scheduled run.
    wait_for(lambda: "SCHEDULED" in project.states("tick"))

    # The links of messages lead to the web application that was printed, and only this machine reaches it.
    web = (project.home / "links").read_text()
    assert web.startswith("http://127.0.0.1:")
    assert f" {web}\n" in said
    with urllib.request.urlopen(f"{web}/health", timeout=20) as answer:
        assert answer.status == 200

    second = project.clm("up")
    assert second.returncode == 1
    assert project.server.url in second.stdout + second.stderr
    assert up.poll() is None

    worker = next(pid for pid in project.processes() if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: "Prefect worker ended" in project.said.read_text())
    wait_for(lambda: any(b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in project.processes()))
    os.kill(next(pid for pid in project.processes() if b"\0serve\0" in command_of(pid)), signal.SIGKILL)
    wait_for(lambda: "Web application ended" in project.said.read_text())
    wait_for(lambda: answers(f"{web}/ready"))

    assert project.processes()
    up.send_signal(signal.SIGINT)
    assert up.wait(SECONDS_MAX) == 0
    assert project.processes() == []


@pytest.mark.slow
def test_killed_up_is_cleared_up_by_the_next(project: Project) -> None:
    """After `kill -9`, the next start stops orphans, closes their runs, removes old deployments; `down` stops it."""
    (project.folder / "wait").touch()
    up = project.up("--demo", until="Worker and deployments")
    wait_for((project.home / "ran").exists)
    up.kill()
    up.wait()
    orphans = project.processes()
    assert len(orphans) >= 4  # server, worker, web application, flow run

    content = yaml.safe_load((project.folder / "prefect.yaml").read_text())
    del content["deployments"][1]
    (project.folder / "prefect.yaml").write_text(yaml.safe_dump(content))
    (project.folder / "wait").unlink()
    up = project.up("--demo")  # would be cancelled if the dead run still held the limit of one
    assert not set(orphans) & set(project.processes())
    assert sorted(project.states("run-lifecycle")) == ["COMPLETED", "CRASHED"]
    assert [found["name"] for found in project.ask("/deployments/filter")] == ["run-lifecycle"]

    assert project.clm("down").returncode == 0
    assert up.wait(SECONDS_MAX) == 0
    assert project.processes() == []


@pytest.mark.slow
def test_failed_main_job_says_why_and_leaves_nothing(project: Project) -> None:
    """When the main job fails, the person reads its own log's end, and everything is stopped."""
    (project.folder / "fail").touch()
    failed = project.clm("up", "--demo")
    assert failed.returncode == 1
    assert "the shop burnt down" in failed.stdout + failed.stderr
    assert project.processes() == []


@pytest.mark.slow
def test_failed_step_says_why_and_leaves_nothing(project: Project) -> None:
    """When the database cannot be made, the person reads why, and the server that was starting is stopped."""
    failed = project.clm("up", CLM_DATABASE_URL=f"sqlite:///{project.folder}/prefect.yaml/clm.db")
    assert failed.returncode == 1
    assert "Database" in failed.stdout + failed.stderr
    assert project.processes() == []


def test_every_deployment_names_a_flow() -> None:
    """Prefect deploys without looking, so: each entrypoint exists, is named after its file, and takes `as_of`."""
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    assert content["deployments"]
    for deployment in content["deployments"]:
        path, _, function = deployment["entrypoint"].partition(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), function)
        assert flow.name == deployment["name"] == function.replace("_", "-") == Path(path).stem.replace("_", "-")
        assert "as_of" in flow.parameters.properties
        assert deployment["work_pool"]["name"] == POOL
        assert len(deployment["description"]) > 60
        for schedule in deployment.get("schedules", ()):
            assert schedule["timezone"] == "Europe/London"
            assert "active" not in schedule  # or deploying would undo a pause made in the UI


def test_another_prefect_of_the_person_does_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prefect Cloud profile, a key or a proxy in the environment reaches nothing that clm starts."""
    for name in ("PREFECT_API_KEY", "PREFECT_PROFILE", "PREFECT_CLOUD_API_URL", "PREFECT_API_URL"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.delenv("no_proxy", raising=False)
    settings = Settings(home=tmp_path)
    found = environment(settings, project=tmp_path, server=PrefectServer(4300), worker_port=4301)
    assert "theirs" not in found.values()
    assert found["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    assert found["NO_PROXY"] == found["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_taken_port_is_passed_over() -> None:
    """A port that somebody listens on, on whatever address, is not chosen."""
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) > taken


def test_stopping_reaches_processes_in_sessions_of_their_own(tmp_path: Path) -> None:
    """A process that left its parent's session and ignores polite requests is stopped all the same; others are not."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with (
        subprocess.Popen(
            [sys.executable, "-c", deaf], env={MARK: str(tmp_path)}, stdout=subprocess.PIPE, start_new_session=True
        ) as ours,
        subprocess.Popen(
            [sys.executable, "-c", deaf], env={MARK: f"{tmp_path}2"}, stdout=subprocess.PIPE, start_new_session=True
        ) as other,
    ):
        for process in (ours, other):
            assert process.stdout is not None
            process.stdout.readline()
        assert sweep(tmp_path, grace_seconds=0.3) == 1
        assert ours.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_child_that_keeps_dying_is_started_later_each_time(tmp_path: Path) -> None:
    """Restarts come after 1, 2, 4 … seconds and never more than 60 apart, so a broken worker does not spin."""
    child = Child("broken", (sys.executable, "-c", ""), env={}, cwd=tmp_path, log=tmp_path / "log")
    delays = []
    for _ in range(8):
        child.start()
        assert child.process is not None
        child.process.wait(10)
        delay = child.restart_delay()
        assert delay is not None
        delays.append(round(delay))
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


def test_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log past its limit is put aside under its writer, who goes on at the new end."""
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 10)
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"0123456789+\n")
        trim_log(log)
        writer.write(b"new\n")
        trim_log(log)
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"0123456789+\n"


def test_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    """A second holder is told the first's process and address; when the first is gone, the lock is free."""
    with running.hold(tmp_path) as file:
        running.announce(file, "http://127.0.0.1:4242")
        with (
            pytest.raises(running.AlreadyRunningError, match=rf"{os.getpid()}.*4242") as refusal,
            running.hold(tmp_path),
        ):
            pass
        assert refusal.value.pid == os.getpid()
    with running.hold(tmp_path):
        pass


def test_sent_messages_are_counted_by_campaign_channel_and_status() -> None:
    """The table at the end has a row for each campaign and channel, a column for each status, and sums."""
    rows = [("welcome", "email", "sent")] * 3 + [("welcome", "sms", "queued")] + [("win_back", "email", "sent")]
    out = StringIO()
    table = sent_table([dict(zip(("campaign", "channel", "status"), row, strict=True)) for row in rows])
    Console(file=out, width=80).print(table)
    found = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.getvalue().splitlines() if "│" in line]
    assert found == [
        ["welcome", "email", "3", ""],
        ["welcome", "sms", "", "1"],
        ["win_back", "email", "1", ""],
        ["all", "", "4", "1"],
    ]


def test_a_server_that_is_too_busy_is_asked_again() -> None:
    """Prefect answers 503 while its SQLite is locked; that is no reason to give up starting."""
    answers = [503, 503, 200]

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(answers.pop(0))
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert PrefectServer(server.server_port).prune_deployments(set()) == []
        finally:
            server.shutdown()
            thread.join()
    assert answers == []
