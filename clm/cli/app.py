"""The `clm` command: one function a command, errors as messages, exit status 0 done, 1 refused or failed, 2 usage."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError

from clm.cli.terminal import err
from clm.errors import ClmError

app = App(
    name="clm",
    help="Customer-lifecycle marketing as code: pull customers, decide who hears what and when, send it once.",
    version_flags=["--version"],
)

# By name, so that a command loads only what it needs: a second of waiting less for most.
for name, place in (
    ("import", "clm.cli.files:import_app"),
    ("quarantine", "clm.cli.listings:quarantine"),
    ("run", "clm.cli.lifecycle:run"),
    ("messages", "clm.cli.listings:messages"),
    ("facts", "clm.cli.vocabulary:facts"),
    ("segments", "clm.cli.vocabulary:segments"),
    ("campaigns", "clm.cli.campaigns:campaigns"),
    ("diagram", "clm.cli.diagram:diagram"),
    ("suppress", "clm.cli.suppress:suppress"),
    ("doubt", "clm.cli.doubt:doubt_app"),
    ("release", "clm.cli.release:release"),
    ("check", "clm.cli.project:check"),
    ("db", "clm.cli.project:db_app"),
    ("demo", "clm.cli.demo:demo"),
    ("up", "clm.cli.services:up"),
    ("down", "clm.cli.services:down"),
    ("serve", "clm.cli.serve:serve"),
):
    app.command(place, name=name)


def main() -> None:
    """Run the command line; never shows a traceback for what a person can mend."""
    # Neither Prefect nor anything else here may report home.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=True)
    except CycloptsError:
        sys.exit(2)
    except ClmError as error:
        err.print("[bold red]error:[/] ", end="")
        err.print(str(error), markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("stopped")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
