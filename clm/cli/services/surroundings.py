"""Where `clm up` runs things: free ports, and the environment its children see."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from clm.cli.services.prefect_api import HOST
from clm.cli.services.processes import MARK
from clm.errors import ClmError

if TYPE_CHECKING:
    from pathlib import Path

    from clm.cli.services.prefect_api import PrefectServer
    from clm.settings import Settings

_PORTS_MAX = 100

# What a person's own Prefect profile or Cloud account may have put into the environment and must not leak in here.
_FOREIGN = (
    "PREFECT_API_",
    "PREFECT_CLIENT_",
    "PREFECT_CLOUD_",
    "PREFECT_PROFILE",
    "PREFECT_SERVER_API_",
    "PREFECT_TEST_",
    "PREFECT_UI_",
    "PREFECT_UNIT_TEST_",
    "PREFECT__",
)


def environment(settings: Settings, *, project: Path, server: PrefectServer, worker_port: int) -> dict[str, str]:
    """What every child sees: this project's Prefect and clm, and nothing of another Prefect.

    `settings.home` and `project` are absolute.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    direct = ",".join(filter(None, (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), HOST, "localhost")))
    return inherited | {
        MARK: str(settings.home),
        "CLM_HOME": str(settings.home),
        "CLM_PROJECT": str(project),
        "CLM_CONFIG": str(settings.config.resolve()),
        "CLM_TEMPLATES": str(settings.templates.resolve()),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(project), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": direct,
        "no_proxy": direct,
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_API_URL": server.api_url,
        "PREFECT_UI_URL": server.url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # With the default, in memory, a restart of the server kills the runs in flight that hold a limit.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # 5 to 7 ms of server time a task run instead of 20 to 27.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        # Flow runs are kept for ever otherwise.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        # A run started by hand waits half as long as with the default of 10.
        "PREFECT_WORKER_QUERY_SECONDS": "5",
        # The default would answer to the whole network.
        "PREFECT_WORKER_WEBSERVER_HOST": HOST,
        "PREFECT_WORKER_WEBSERVER_PORT": str(worker_port),
    }


def free_port(first: int) -> int:
    """The first port from `first` on that nobody listens on."""
    for port in range(first, first + _PORTS_MAX):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ClmError(f"no port is free from {first} to {first + _PORTS_MAX - 1}")
