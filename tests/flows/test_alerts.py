"""Alerts reach the team by the runs that are deployed, with nothing set up beside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore

from clm.channels.letter import letter
from clm.domain.instant import to_ms
from clm.store.alerts import Matter, note
from flows.dispatch_messages import dispatch_messages
from flows.reconcile_messages import reconcile_messages
from tasks.alerts import EVENT
from tasks.project import opened
from tests.flows.test_lifecycle import NOW, pytestmark, server, shop

PAGE = Path(__file__).parents[2] / "docs" / "sending.md"
__all__ = ["pytestmark", "server", "shop"]


@pytest.mark.usefixtures("server", "shop")
def test_a_run_mails_the_team_what_it_should_know_once() -> None:
    """Dispatching and reconciling mail what waits to the team's address, and the next runs do not mail it again."""
    workspace = opened()
    with workspace.database.write() as tx:
        note(tx, Matter("no_code", "birthday", "no code of offer `birthday` is left"), now=to_ms(NOW))
    dispatch_messages(as_of=NOW)
    reconcile_messages(as_of=NOW)
    dispatch_messages(as_of=NOW)
    team = workspace.project.brand.team.email
    mails = [letter(one.read_bytes()) for one in workspace.settings.outbox.glob("mail/*.eml")]
    assert [one.subject for one in mails if team in one.header("To")] == [
        f"{workspace.project.brand.name}: no code of offer `birthday` is left"
    ]


def test_the_automation_of_the_docs_is_one_that_prefect_takes() -> None:
    """With the id of a block in place of the zeros, for the event that runs emit."""
    (shown,) = re.findall(r"```yaml\n(name: clm alerts.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    automation = AutomationCore.model_validate(yaml.safe_load(shown))
    assert getattr(automation.trigger, "expect", None) == {EVENT}
    assert [action.type for action in automation.actions] == ["send-notification"]


def test_the_docs_tell_every_kind_of_alert() -> None:
    """The table has each kind that there is, and none that there is not."""
    table = PAGE.read_text(encoding="utf-8").partition("## Alerts")[2].partition("\n## ")[0]
    told = {kind for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for kind in re.findall(r"`(\w+)`", row)}
    code = "".join(file.read_text(encoding="utf-8") for file in (PAGE.parents[1] / "clm").rglob("*.py"))
    assert told == set(re.findall(r'Matter\("(\w+)"', code))
