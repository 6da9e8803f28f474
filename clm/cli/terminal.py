"""How the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from clm.errors import ClmError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on stdout, for programs.")]


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def table(*columns: str, right: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """An empty table; `right` hold figures, `wrap` may take several lines when there is no room."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=column not in wrap)
    return made


def moment(text: str | None, option: str) -> datetime | None:
    """The instant an option names; UTC where it names no zone."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ClmError(f"{option} {text}: write ISO 8601, e.g. 2026-01-31T09:00Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
