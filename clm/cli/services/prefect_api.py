"""What `clm up` asks its Prefect server, over HTTP, because clm does not import Prefect."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clm.errors import ClmError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
POOL = "clm"

_TIMEOUT_SECONDS = 20.0
_BUSY_TRIES_MAX = 8
_BUSY_PAUSE_SECONDS = 0.5
_ROWS_MAX = 200  # the server's own limit for one answer
_DEAD_STATES = ("PENDING", "RUNNING", "CANCELLING")


class PrefectError(ClmError):
    """The Prefect server does not answer, or answers with an error."""


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A Prefect server on this machine."""

    port: int

    @property
    def url(self) -> str:
        """Where people look."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """Where programs ask."""
        return f"{self.url}/api"

    def flow_run_url(self, flow_run_id: str) -> str:
        """The page of one flow run."""
        return f"{self.url}/runs/flow-run/{flow_run_id}"

    def is_ready(self, prefect_home: Path) -> bool:
        """Whether the server answers, reaches its database, and is the one of `prefect_home` and not a stranger."""
        try:
            self._ask("GET", "/ready")
            return bool(self._ask("GET", "/admin/settings").get("home") == str(prefect_home))
        except PrefectError:
            return False

    def ensure_pool(self) -> None:
        """Create the work pool unless it is there; what somebody changed in it in the UI stays."""
        if self._ask("POST", "/work_pools/filter", {"work_pools": {"name": {"any_": [POOL]}}}):
            return
        kinds = self._ask("GET", "/collections/views/aggregate-worker-metadata")
        template = kinds["prefect"]["process"]["default_base_job_configuration"]
        pool = {"name": POOL, "type": "process", "base_job_template": template}
        self._ask("POST", "/work_pools/", pool)

    def prune_deployments(self, kept: set[tuple[str, str]]) -> list[str]:
        """Delete the pool's deployments that are not in `kept` (name and entrypoint); returns their names.

        Prefect leaves deployments that were taken out of the file in place, and they go on running.
        """
        found = self._ask("POST", "/deployments/filter", {"work_pools": {"name": {"any_": [POOL]}}, "limit": _ROWS_MAX})
        gone = [deployment for deployment in found if (deployment["name"], deployment["entrypoint"]) not in kept]
        for deployment in gone:
            self._ask("DELETE", f"/deployments/{deployment['id']}")
        return [deployment["name"] for deployment in gone]

    def worker_is_online(self, name: str, *, since_iso: str) -> bool:
        """Whether the worker has reported itself since an instant (ISO 8601, UTC, as the server writes it)."""
        found = self._ask("POST", f"/work_pools/{POOL}/workers/filter", {"workers": {}, "limit": _ROWS_MAX})
        return any(
            worker["name"] == name and worker["status"] == "ONLINE" and worker["last_heartbeat_time"] >= since_iso
            for worker in found
        )

    def close_dead_runs(self, *, on_purpose: bool) -> None:
        """Close what still counts as running in the pool: cancelled if stopped on purpose, crashed if not.

        Call it only when no worker runs. Prefect leaves a run whose worker was stopped Running for ever, and its
        deployment's limit of one then cancels every later run.
        """
        wanted = {
            "work_pools": {"name": {"any_": [POOL]}},
            "flow_runs": {"state": {"type": {"any_": list(_DEAD_STATES)}}},
            "limit": _ROWS_MAX,
        }
        dead = self._ask("POST", "/flow_runs/filter", wanted)
        kind = "Cancelled" if on_purpose else "Crashed"
        message = "clm up was stopped." if on_purpose else "Its worker or clm up died."
        state = {"type": kind.upper(), "name": kind, "message": message}
        for run in dead:
            self._ask("POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})

    def start_run(self, deployment: str) -> str:
        """Start a deployment (`flow/name`) once; returns the flow run's id."""
        found = self._ask("GET", f"/deployments/name/{deployment}")
        run = self._ask("POST", f"/deployments/{found['id']}/create_flow_run", {})
        return str(run["id"])

    def flow_run(self, flow_run_id: str) -> dict[str, Any]:
        """A flow run with its state."""
        found: dict[str, Any] = self._ask("GET", f"/flow_runs/{flow_run_id}")
        return found

    def newest_step(self, flow_run_id: str) -> str | None:
        """The name of the task or subflow that a flow run started last."""
        wanted = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 1}
        found = self._ask("POST", "/task_runs/filter", wanted)
        return str(found[0]["name"]) if found else None

    def log(self, flow_run_id: str) -> list[dict[str, Any]]:
        """The newest entries (`level`, `message`) in the log of a flow run and its subflows, oldest first."""
        subflows = {"flow_runs": {"parent_flow_run_id": {"any_": [flow_run_id]}}, "limit": _ROWS_MAX}
        runs = [flow_run_id, *(run["id"] for run in self._ask("POST", "/flow_runs/filter", subflows))]
        wanted = {"logs": {"flow_run_id": {"any_": runs}}, "sort": "TIMESTAMP_DESC", "limit": _ROWS_MAX}
        newest: list[dict[str, Any]] = self._ask("POST", "/logs/filter", wanted)
        return newest[::-1]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one question, asked again while the server is too busy to answer.

        It says 503 when its SQLite is locked by another of its own writers, having done nothing.
        """
        status, text = self._answer(method, path, body)
        for _ in range(_BUSY_TRIES_MAX):
            if status != http.client.SERVICE_UNAVAILABLE:
                break
            time.sleep(_BUSY_PAUSE_SECONDS)
            status, text = self._answer(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise PrefectError(f"the Prefect server refused {method} {path}: {status} {text[:300]!r}")
        return json.loads(text) if text else None

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """Status and text; `http.client`, because urllib would take a proxy of the environment for loopback."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(
                method, f"/api{path}", None if body is None else json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise PrefectError(f"the Prefect server at {self.url} does not answer: {error}") from None
        finally:
            connection.close()


def worker_is_healthy(port: int) -> bool:
    """Whether the worker says that it is still asking for work."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def now_iso() -> str:
    """This instant as the server writes instants, so that the two compare as text."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
