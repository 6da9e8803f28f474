"""The `clm` command: one function a command, errors as messages, exit status 0 done, 1 refused or failed, 2 usage."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError, Group

from clm.cli.terminal import err
from clm.errors import ClmError

app = App(
    name="clm",
    help="""Customer-lifecycle marketing as code: pull customers, decide who hears what and when, send it once.

Example: clm up --demo runs everything on a made-up shop; clm COMMAND --help shows each command with an example.""",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,  # `main` says that it was stopped
)

# By name, so that a command loads only what it needs: a second of waiting less for most.
for place_in_help, (heading, commands) in enumerate(
    {
        "Run it": {
            "up": "clm.cli.services:up",
            "down": "clm.cli.services:down",
            "run": "clm.cli.lifecycle:run",
            "serve": "clm.cli.serve:serve",
            "db": "clm.cli.project:db_app",
            "staff": "clm.cli.staff:staff_app",
        },
        "Bring customers in": {
            "import": "clm.cli.files:import_app",
            "quarantine": "clm.cli.listings:quarantine",
            "demo": "clm.cli.demo:demo",
        },
        "See before you send": {
            "check": "clm.cli.project:check",
            "preview": "clm.cli.preview:preview",
            "diagram": "clm.cli.diagram:diagram",
            "facts": "clm.cli.vocabulary:facts",
            "segments": "clm.cli.vocabulary:segments",
        },
        "Send, and look after what was sent": {
            "campaigns": "clm.cli.campaigns:campaigns",
            "broadcast": "clm.cli.broadcast:broadcast",
            "messages": "clm.cli.listings:messages",
            "release": "clm.cli.release:release",
            "doubt": "clm.cli.doubt:doubt_app",
            "suppress": "clm.cli.suppress:suppress",
        },
        "What messages carry and ask": {
            "coupons": "clm.cli.coupons:coupons_app",
            "surveys": "clm.cli.surveys:surveys",
            "resolve": "clm.cli.surveys:resolve",
        },
    }.items()
):
    group = Group(heading, sort_key=place_in_help)
    for name, place in commands.items():
        app.command(place, name=name, group=group)

_ASKS_FOR_ALL: tuple[list[str], ...] = ([], ["--help"], ["-h"])
"""What shows the list of commands, which is told from each command's own words."""


def _load_all() -> None:
    for name in list(app):
        if not name.startswith("-"):
            app[name]


def main() -> None:
    """Run the command line; never shows a traceback for what a person can mend."""
    # Neither Prefect nor anything else here may report home.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    if sys.argv[1:] in _ASKS_FOR_ALL:
        _load_all()
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
