"""`clm demo`: writes the demo shop's source files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import Progress

from clm.cli.terminal import err, out, table
from clm.domain.instant import from_ms, to_ms
from clm.errors import ClmError
from clm.settings import Settings
from clm.sources.demo import write_shop


def demo(
    *,
    out_: Annotated[
        Path | None, Parameter(name="--out", help="Folder; default: $CLM_HOME/demo, which the pull reads.")
    ] = None,
    customers: int = 2_000,
    years: int = 3,
    seed: int = 1,
    until: Annotated[str | None, Parameter(help="The shop's last moment, ISO 8601; default: now.")] = None,
    again: Annotated[bool, Parameter(negative="", help="Overwrite a shop that is there already.")] = False,
) -> None:
    """Write a believable shop's contacts, orders, events and products as source files.

    Invented people only: reserved mail domains, made-up phone numbers. The same seed and moment give the same files.

    Example: clm demo --customers 500 --until 2026-01-31T12:00Z --out /tmp/shop
    """
    folder = out_ or Settings().home / "demo"
    if (folder / "contacts.csv").exists() and not again:
        raise ClmError(
            f"{folder} holds a demo shop already; another one in the same database would mix two shops up under the"
            " same ids. Use --again with a fresh CLM_HOME, or --out elsewhere"
        )
    moment = datetime.now(UTC) if until is None else _moment(until)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("inventing customers", total=customers)
        summary = write_shop(
            folder,
            until=from_ms(to_ms(moment)),
            customers=customers,
            years=years,
            seed=seed,
            progress=lambda done: progress.update(task, completed=done),
        )
    shown = table(
        "country", "customers", "buyers", "orders", "revenue", right=("customers", "buyers", "orders", "revenue")
    )
    for country in summary.countries:
        shown.add_row(
            country.country,
            f"{country.customers:,}",
            f"{country.buyers:,}",
            f"{country.orders:,}",
            f"£{country.revenue / 100:,.0f}",
        )
    out.print(shown)
    out.print(f"{summary.customers:,} customers, {summary.orders:,} orders, {summary.events:,} events in {folder}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ClmError(f"--until {text}: write ISO 8601, e.g. 2026-01-31T12:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
