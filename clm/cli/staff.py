"""`clm staff`: who of the team may look at the staff pages of the web application."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from clm.cli.terminal import AsJson, out, print_json, table
from clm.domain.instant import iso, to_ms
from clm.engine import staff
from clm.engine.workspace import open_database
from clm.errors import ClmError
from clm.settings import Settings
from clm.store.database import Database

staff_app = App(name="staff", help="Accounts for the staff pages (clm serve, /staff): add, password, list, remove.")

Name = Annotated[str, Parameter(help="Small letters, digits, `.`, `_` and `-`; a letter first.")]
FromStdin = Annotated[
    bool, Parameter(name="--password-stdin", negative="", help="Read the password from the first line of stdin.")
]


@staff_app.command
def add(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Make an account; asks for its password twice.

    Example: clm staff add nadia
    """
    with _database() as database:
        staff.add(database, name, _password(password_stdin), now=to_ms(datetime.now(UTC)))
    out.print(f"{name} may sign in at /staff of the web application", markup=False)


@staff_app.command
def password(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Give an account another password; whoever is signed in with the old one is signed out.

    Example: clm staff password nadia
    """
    with _database() as database:
        staff.change(database, name, _password(password_stdin))
    out.print(f"{name} has another password, and is signed out everywhere", markup=False)


@staff_app.command
def remove(name: Name) -> None:
    """Take an account away; whoever is signed in with it is signed out.

    Example: clm staff remove nadia
    """
    with _database() as database:
        staff.remove(database, name)
    out.print(f"{name} may not sign in any more", markup=False)


@staff_app.command(name="list")
def list_(*, json: AsJson = False) -> None:
    """List the accounts.

    Example: clm staff list --json
    """
    with _database() as database:
        found = staff.accounts(database)
    if json:
        print_json([{"name": one.name, "created_at": iso(one.created_at)} for one in found])
        return
    if not found:
        out.print("nobody may sign in yet; `clm staff add NAME` makes an account", markup=False)
        return
    listing = table("name", "since")
    for one in found:
        listing.add_row(one.name, iso(one.created_at))
    out.print(listing, markup=False)


@contextmanager
def _database() -> Iterator[Database]:
    with closing(open_database(Settings())) as database:
        yield database


def _password(from_stdin: bool) -> str:
    """The password, as typed twice or piped in; never on the command line, where others of the machine see it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ClmError("there is no terminal to ask for the password on; pipe it in with --password-stdin")
    given = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != given:
        raise ClmError("the two differ; nothing was changed")
    return given
