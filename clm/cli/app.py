"""The `clm` command: one function a command, errors as messages, exit status 0 done, 1 refused or failed, 2 usage."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError

from clm.cli import demo, files, lifecycle, listings, project, services
from clm.cli.terminal import err
from clm.errors import ClmError

app = App(
    name="clm",
    help="Customer-lifecycle marketing as code: pull customers, decide who hears what and when, send it once.",
    version_flags=["--version"],
)

app.command(files.import_app)
app.command(listings.quarantine)
app.command(lifecycle.run)
app.command(listings.messages)
app.command(project.check)
app.command(project.db_app)
app.command(demo.demo)
app.command(services.up)
app.command(services.down)


def main() -> None:
    """Run the command line; never shows a traceback for what a person can mend."""
    # Neither Prefect nor anything else here may report home.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    try:
        app(exit_on_error=False, print_error=True)
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
