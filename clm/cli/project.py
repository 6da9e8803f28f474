"""`clm check` and `clm db`: the project's own state."""

from __future__ import annotations

from cyclopts import App

from clm.channels.connect import connect
from clm.cli.terminal import AsJson, err, out, print_json
from clm.engine.workspace import load_project
from clm.errors import ConfigurationError
from clm.settings import Settings
from clm.store.database import Database

db_app = App(name="db", help="The database.")


@db_app.command
def upgrade() -> None:
    """Create the database, or migrate it to what this clm needs.

    Example: clm db upgrade
    """
    database = Database(Settings().store_url)
    database.upgrade()
    database.close()
    out.print(f"{database.shown} is up to date")


def check(*, json: AsJson = False) -> int:
    """Check configuration and templates; lists everything wrong at once, with file and line.

    Example: clm check
    """
    settings = Settings()
    try:
        project = load_project(settings)
        connect(settings, project.configuration.policy.delivery.routes)  # where sending is live, with every key
    except ConfigurationError as error:
        if json:
            faults = [
                {"file": one.file, "line": one.line, "column": one.column, "field": one.field, "message": one.message}
                for one in error.faults
            ]
            print_json({"ok": False, "faults": faults})
        else:
            for fault in error.faults:
                out.print(str(fault), markup=False, soft_wrap=True)
            err.print(f"[bold red]{len(error.faults)} faults[/]")
        return 1
    campaigns = project.configuration.campaigns
    if json:
        print_json({"ok": True, "faults": []})
    else:
        live = sum(campaign.status == "live" for campaign in campaigns)
        steps = sum(len(campaign.sends) for campaign in campaigns)
        out.print(
            f"{len(campaigns)} campaigns ({live} live), {steps} messages, {len(project.sources)} feeds: no faults"
        )
    return 0
