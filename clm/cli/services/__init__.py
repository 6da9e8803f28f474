"""`clm up` and `clm down`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from clm.cli.lifecycle import project_folder
from clm.cli.services.supervisor import down as stop_services
from clm.cli.services.supervisor import up as start_services
from clm.cli.terminal import out
from clm.settings import Settings


def up(
    *, demo: Annotated[bool, Parameter(negative="", help="With the demo shop, and one lifecycle run.")] = False
) -> int:
    """Start Prefect's server, a worker, all deployments and the web application, for this machine alone, until Ctrl-C.

    Example: clm up --demo
    """
    return start_services(Settings(), project=project_folder(), demo=demo, console=out)


def down() -> int:
    """Stop the `clm up` of this CLM_HOME.

    Example: clm down
    """
    return stop_services(Settings(), console=out)
