"""The flows on a Prefect server: what an engineer sees there, and what must not be there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from clm.cli.lifecycle import Stage
from clm.engine.workspace import open_database
from clm.errors import MappingError
from clm.settings import Settings
from flows.run_lifecycle import STAGES, run_lifecycle
from tasks import project

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

pytestmark = [
    pytest.mark.slow,
    # Prefect's own affair: sockets and event loops it leaves to the garbage collector.
    pytest.mark.filterwarnings("default"),
]

CONTACTS = """\
contact,email,first_name,signed_up_at,email_consent
1,planted.address@example.com,Zebedee,2026-01-30T09:00:00Z,yes
2,silent@example.com,Quentin,2026-01-30T09:00:00Z,no
"""
ORDERS = """\
order_id,contact,ordered_at,amount
A1,2,2026-01-20T09:00:00Z,12.50
"""


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """One Prefect server for this module."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), prefect_test_harness():
        yield


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two contacts in its sources and an empty database."""
    home = tmp_path / "home"
    (home / "demo").mkdir(parents=True)
    (home / "demo" / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (home / "demo" / "orders.jsonl").write_text(_as_jsonl(ORDERS), encoding="utf-8")
    monkeypatch.setenv("CLM_HOME", str(home))
    monkeypatch.setenv("CLM_CONFIG", str(ROOT / "config"))
    monkeypatch.setenv("CLM_TEMPLATES", str(ROOT / "templates"))
    monkeypatch.delenv("CLM_DATABASE_URL", raising=False)
    project._opened.cache_clear()
    open_database(Settings(), create=True).close()
    yield home
    project.opened().database.close()
    project._opened.cache_clear()


def _as_jsonl(csv: str) -> str:
    keys, *rows = [line.split(",") for line in csv.splitlines()]
    return "".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows)


@pytest.mark.usefixtures("server", "shop")
def test_the_lifecycle_runs_once_and_again() -> None:
    """One run pulls, enrols and sends; the same run again at the same instant does nothing twice."""
    first = run_lifecycle(as_of=NOW)
    assert first["as_of"] == "2026-01-31T12:00:00Z"
    assert first["pulled"]["demo contacts"]["new"] == 2
    assert first["pulled"]["demo orders"]["new"] == 1
    assert {name: count for name, count in first["enrolled"].items() if count} == {
        "welcome": 1,
        "feedback": 1,
        "first_purchase": 1,
    }
    assert {"win_back", "second_purchase", "high_value", "birthday"} < first["enrolled"].keys()
    assert first["messages"]["sent"] == 1
    assert first["messages"]["refused"] == 2
    again = run_lifecycle(as_of=NOW)
    assert set(again["enrolled"].values()) == {0}
    assert set(again["messages"].values()) == {0}


@pytest.mark.usefixtures("server")
def test_prefect_shows_what_was_done_and_nobody_s_address(shop: Path) -> None:
    """Runs are named after what they do and when, the artifact has figures and reasons, nothing holds an address."""
    run_lifecycle(as_of=NOW)
    seen = asyncio.run(_everything())
    names = {run["name"] for run in seen["flow_runs"]}
    assert {"run-lifecycle 2026-01-31 12:00", "run-campaigns 2026-01-31 12:00"} <= names
    artifact = next(one["data"] for one in seen["artifacts"] if one["key"] == "lifecycle-run")
    assert "| feedback | 1 | 0 | 1 | 0 | 1 |" in artifact
    assert "feedback: 1 × refused: no e-mail consent" in artifact
    everything = json.dumps(seen, default=str)
    for personal in ("planted.address", "Zebedee", "Quentin"):
        assert personal not in everything
    (mail,) = (shop / "outbox" / "mail").glob("*.eml")
    assert "planted.address@example.com" in mail.read_text(encoding="utf-8")


async def _everything() -> dict[str, Any]:
    async with get_client() as client:
        return {
            "flow_runs": [run.model_dump() for run in await client.read_flow_runs()],
            "task_runs": [run.model_dump() for run in await client.read_task_runs()],
            "artifacts": [one.model_dump() for one in await client.read_artifacts()],
            "logs": [log.model_dump() for log in await client.read_logs()],
        }


@pytest.mark.usefixtures("server", "shop")
def test_single_stages_can_be_run_by_themselves() -> None:
    """`only` runs the named stages and leaves the others alone: nothing is sent until dispatch is asked for."""
    run_lifecycle(as_of=NOW, only=["pull", "score", "campaigns"])
    assert run_lifecycle(as_of=NOW, only=["report"])["messages"]["queued"] == 3
    assert run_lifecycle(as_of=NOW, only=["dispatch"])["messages"]["sent"] == 1


@pytest.mark.usefixtures("server")
def test_slipped_columns_put_no_address_into_prefect(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file whose columns have slipped fails its pull at once, without quoting what now stands in the wrong column."""
    rows = "".join(f"{number},x,Zoe,planted.slip{number}@example.com,yes\n" for number in range(12))
    (shop / "demo" / "contacts.csv").write_text(CONTACTS.splitlines(keepends=True)[0] + rows, encoding="utf-8")
    with pytest.raises(MappingError, match="does not fit the mapping"):
        run_lifecycle(as_of=NOW, only=["pull"])
    assert "planted.slip" not in json.dumps(asyncio.run(_everything()), default=str)
    assert caplog.text.count("Finished in state Failed('Task run encountered") == 1
    assert "Retry 1" not in caplog.text


@pytest.mark.usefixtures("server")
def test_what_is_still_to_come_is_told_by_the_clock(shop: Path) -> None:
    """A run for the past takes in what has been ordered since, and no order of a century that is not over."""
    orders = f"{ORDERS}A2,2,2026-03-01T09:00:00Z,12.50\nA3,2,2199-01-01T09:00:00Z,12.50\n"
    (shop / "demo" / "orders.jsonl").write_text(_as_jsonl(orders), encoding="utf-8")
    pulled = run_lifecycle(as_of=NOW, only=["pull"])["pulled"]["demo orders"]
    assert (pulled["new"], pulled["quarantined"]) == (2, 1)


@pytest.mark.usefixtures("server", "shop")
def test_what_another_run_queued_meanwhile_is_sent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run for now sends what is due when it comes to sending, also what a scheduled run queued since it began."""
    run_lifecycle(as_of=NOW, only=["pull", "score", "campaigns"])
    instants = iter([NOW - timedelta(seconds=10), NOW + timedelta(seconds=10)])
    monkeypatch.setattr("flows.run_lifecycle.moment", lambda _as_of: next(instants))
    assert run_lifecycle(only=["dispatch"])["messages"]["sent"] == 1


def test_the_command_line_knows_the_stages() -> None:
    """`clm run --only` offers exactly the stages the flow has."""
    assert get_args(Stage) == STAGES
