"""Two Prefect workers on one PostgreSQL, and one of their runs killed half-way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks.fake_provider import fake_provider
from clm.cli.services.prefect_api import POOL, PrefectServer
from clm.cli.services.processes import sweep
from clm.cli.services.surroundings import environment, free_port
from clm.store.database import Database
from clm.store.schema import attempts, messages
from tests.conftest import PROJECT
from tests.databases import empty
from tests.reliability.crashes.scene import Scene, lay_out

pytestmark = pytest.mark.slow

SECONDS_MAX = 120.0
PEOPLE = 3_000
"""More than both runs lease ahead."""
AT_ONCE = 64
SLOW_MS, LATENCY_MS = 2_000, 400
"""How long the provider takes: at first so long that the first run is far from its end when the second begins."""
DISPATCH = "dispatch-messages/dispatch-messages"
RECONCILE = "reconcile-messages/reconcile-messages"
PREFECT_YAML = """\
name: two-workers
pull:
  - prefect.deployments.steps.set_working_directory: {directory: "{{ $CLM_PROJECT }}"}
deployments:
  - name: dispatch-messages
    entrypoint: flows/dispatch_messages.py:dispatch_messages
    work_pool: {name: clm}
  - name: reconcile-messages
    entrypoint: flows/reconcile_messages.py:reconcile_messages
    work_pool: {name: clm}
"""


class Services:
    """A Prefect server and its workers."""

    def __init__(self, scene: Scene) -> None:
        self.folder = scene.stage.folder
        self.server = PrefectServer(free_port(24200))
        settings = scene.stage.settings
        self.home = settings.home
        (self.home / "prefect").mkdir(parents=True, exist_ok=True)
        self.env = environment(settings, project=PROJECT, server=self.server, worker_port=0) | {
            "CLM_DATABASE_URL": scene.stage.url,
            "CLM_LIVE": "1",
            "SENDGRID_API_KEY": "SG.a-key-for-the-fake-provider",
            "SENDGRID_API_URL": scene.provider.url,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }

    @contextlib.contextmanager
    def running(self, name: str, *command: str) -> Iterator[None]:
        """A program of Prefect's, in a session of its own."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *command],
                cwd=PROJECT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def deploy(self) -> None:
        """Dispatching and clearing up, without the limit that lets one run at a time."""
        file = self.folder / "prefect.yaml"
        file.write_text(PREFECT_YAML)
        command = ["--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        subprocess.run([sys.executable, "-m", "prefect", *command], cwd=PROJECT, env=self.env, check=True)

    def process_of(self, flow_run_id: str) -> int | None:
        """The process in which a run runs."""
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and flow_run_id.encode() in (entry / "environ").read_bytes():
                    return int(entry.name)
        return None

    def state(self, flow_run_id: str) -> str:
        """How a run stands."""
        return str(self.server.flow_run(flow_run_id)["state_type"])


@pytest.fixture
def scene(tmp_path: Path, postgres_url: str) -> Iterator[Scene]:
    """Messages queued on PostgreSQL, for a provider that takes its time."""
    with contextlib.closing(Database(postgres_url)) as database:
        empty(database)
    with fake_provider(tmp_path, latency_ms=SLOW_MS) as provider:
        laid = lay_out(tmp_path, postgres_url, provider, at_once=AT_ONCE)
        laid.queue(PEOPLE)
        yield laid


@pytest.fixture
def services(scene: Scene) -> Iterator[Services]:
    """Everything but the workers; whatever is left of it at the end is stopped."""
    found = Services(scene)
    port = str(found.server.port)
    try:
        with found.running("server", "server", "start", "--host", "127.0.0.1", "--port", port):
            _wait_for(lambda: found.server.is_ready(found.home / "prefect"))
            found.server.ensure_pool()
            found.deploy()
            yield found
    finally:
        sweep(found.home, grace_seconds=1.0)


def test_two_workers_send_everything_once_though_one_run_is_killed(scene: Scene, services: Services) -> None:
    """Both runs hand over at the same time; the survivor finishes what the dead one held; no message goes twice."""
    workers = [("--name", name, "--pool", POOL, "--type", "process", "--limit", "1") for name in ("ada", "bob")]
    with (
        services.running("ada", "worker", "start", *workers[0]),
        services.running("bob", "worker", "start", *workers[1]),
    ):
        runs = [services.server.start_run(DISPATCH) for _ in workers]
        _wait_for(lambda: _tokens(scene) >= 2)
        victims = [pid for run in runs if (pid := services.process_of(run)) is not None]
        assert len(victims) == 2
        scene.provider.behave(latency_ms=LATENCY_MS)
        time.sleep(SLOW_MS / 1_000)  # what it has in hand takes as long as it did
        _kill_with_messages_in_hand(scene, max(victims, key=_begun))  # the one with more to do
        _wait_for(lambda: {services.state(run) for run in runs} == {"CRASHED", "COMPLETED"})
        swept = services.server.start_run(RECONCILE)
        _wait_for(lambda: services.state(swept) == "COMPLETED")
    assert {one.status for one in scene.judge(queued=PEOPLE)} == {"sent", "in_doubt"}
    seen = scene.judge_after_events(queued=PEOPLE)
    assert Counter(one.status for one in seen)["sent"] == len(scene.provider.accepted())


def _kill_with_messages_in_hand(scene: Scene, victim: int) -> None:
    """Stop a run, see that messages stay on their way without it, and end it while they are.

    The other run's have had their answers by then: the provider takes LATENCY_MS.
    """
    patience = time.monotonic() + SECONDS_MAX
    while time.monotonic() < patience:
        os.kill(victim, signal.SIGSTOP)
        before = _in_hand(scene)
        time.sleep(8 * LATENCY_MS / 1_000)
        if before & _in_hand(scene):
            os.kill(victim, signal.SIGKILL)
            return
        os.kill(victim, signal.SIGCONT)
        time.sleep(LATENCY_MS / 1_000)
    pytest.fail("the run never had messages on their way")


def _begun(process: int) -> int:
    """When a process began, in ticks since the machine did (proc(5))."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])


def _in_hand(scene: Scene) -> set[int]:
    """The messages that are on their way at this moment."""
    with contextlib.closing(Database(scene.stage.url)) as database, database.read() as tx:
        return set(tx.scalars(select(messages.c.id).where(messages.c.status == "sending")))


def _tokens(scene: Scene) -> int:
    """How many dispatchers have handed something over."""
    with contextlib.closing(Database(scene.stage.url)) as database, database.read() as tx:
        return tx.scalar(select(func.count(attempts.c.token.distinct()))) or 0


def _wait_for(true: Callable[[], bool]) -> None:
    patience = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < patience, f"nothing after {SECONDS_MAX:.0f} s"
        time.sleep(0.1)
