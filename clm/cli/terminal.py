"""How the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from clm.errors import ClmError

_WIDE = 160
"""Columns where nobody's terminal tells: a pipe or a file has room."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on stdout, for programs.")]


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def table(*columns: str, right: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """An empty table; `right` hold figures, `wrap` may take several lines when there is no room."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # Folded, not cut: an example or a reason that ends in dots cannot be read or copied.
        justify: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=justify, no_wrap=column not in wrap, overflow="fold")
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
