"""`clm broadcast`: a letter that goes out once; shown first, then announced, and called off if need be."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from clm.broadcasts_file import FOLDER
from clm.cli.project import against_the_law
from clm.cli.terminal import AsJson, err, out, print_json, table
from clm.config import Configuration, load_configuration
from clm.domain.broadcast import Broadcast
from clm.domain.instant import from_ms, iso, to_ms
from clm.domain.nearest import nearest
from clm.engine.broadcast import CalledOff, announce, call_off, refuse_changed
from clm.engine.broadcast_plan import BroadcastPlan, alone, plan_broadcast, refuse, sms_lengths
from clm.engine.journey import Journeys
from clm.engine.proofreading import proofread
from clm.engine.workspace import Project, load_project, open_database
from clm.errors import ClmError, ConfigurationError
from clm.insight.broadcasts import Outing, outings
from clm.settings import Settings
from clm.store import broadcasts, census
from clm.store.database import Database

_ZONES_TOLD = 8


def broadcast(
    file: Annotated[Path | None, Parameter(help="A file of config/broadcasts/.")] = None,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do it without asking.")] = False,
    dry_run: Annotated[bool, Parameter(negative="", help="Only show what would happen.")] = False,
    cancel: Annotated[bool, Parameter(negative="", help="Call it off for all to whom nothing was sent yet.")] = False,
    list_: Annotated[
        bool, Parameter(name="--list", negative="", help="List the broadcasts, and how they went.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Announce a letter that goes out once: show whom it reaches, when, and what it costs, and ask.

    Announcing takes in everybody of whom its `to` holds now. Nothing leaves before its time, and then under the same
    guards as any campaign. Doing it again takes in those of whom it holds since, and nobody twice.

    Example: clm broadcast config/broadcasts/harvest.yaml --dry-run
    """
    settings = Settings()
    if list_:
        if cancel or yes:  # nobody is to believe that a letter was announced or called off
            raise ClmError("--list only shows; leave it out to announce a broadcast, or to call one off")
        _list(settings, json=json)
        return
    if file is None:
        raise ClmError(f"say which: clm broadcast {settings.config / FOLDER}/NAME.yaml (--list tells those there are)")
    asking = Asking(yes=yes, only_show=dry_run, json=json)
    if cancel:  # at once, whatever is wrong with words
        found = _named(load_configuration(settings.config), settings, file)
        with closing(open_database(settings)) as database:
            _cancel(database, found, asking)
        return
    project = load_project(settings)
    found = _named(project.configuration, settings, file)
    with closing(open_database(settings)) as database:
        _announce(database, project, settings, found, asking)


class Asking:
    """Whether to do it: as the options say, or as somebody at the terminal answers."""

    def __init__(self, *, yes: bool, only_show: bool, json: bool) -> None:
        self.json = json
        self._yes = yes
        self._only_show = only_show

    def agreed(self, question: str) -> bool:
        """Whether to go on; nobody is asked where a program reads along."""
        if self._only_show:
            return False
        if self._yes:
            return True
        if self.json:
            err.print("nothing was done; --yes does it")
            return False
        if not sys.stdin.isatty():
            raise ClmError("there is no terminal to ask on; --yes does it without asking, --dry-run only shows")
        return err.input(f"{question} [y/N] ", markup=False).strip().lower() in {"y", "yes"}


def _named(configuration: Configuration, settings: Settings, file: Path) -> Broadcast:
    """The broadcast that a file holds; the workers that send it read config/ alone."""
    folder = settings.config / FOLDER
    known = {one.campaign: one for one in configuration.broadcasts}
    if not file.is_file():
        if file.stem in known:
            raise ClmError(f"{file}: there is no such file; write clm broadcast {folder / file.stem}.yaml")
        told = f"{nearest(file.stem, known)} (known: {', '.join(known)})" if known else ""
        raise ClmError(f"{file}: there is no such file{told}")
    if file.resolve().parent != folder.resolve() or file.stem not in known:
        raise ClmError(
            f"{file} does not lie in {folder}/, and those who send it read that folder alone; move it to"
            f" {folder / file.with_suffix('.yaml').name}"
        )
    return known[file.stem]


def _announce(database: Database, project: Project, settings: Settings, found: Broadcast, asking: Asking) -> None:
    one = alone(project, found)
    faults = [*against_the_law(one), *proofread(one, settings, now=_now())]
    if faults:
        raise ConfigurationError(faults)
    with database.read() as tx:
        refuse_changed(tx, found)
    journeys = Journeys(project.configuration)
    lengths = sms_lengths(project, settings, found, now=_now())
    plan = plan_broadcast(database, journeys, project.library, found, lengths=lengths, now=_now())
    if not asking.json:
        _show(found, plan, project)
    refuse(plan, found)
    taken_in: int | None = None
    if plan.new and asking.agreed(f"Announce it to {plan.new:,} people?"):
        taken_in = _with_progress(database, journeys, found)
    if asking.json:
        print_json(_document(found, plan) | {"taken_in": taken_in})
    elif taken_in is not None:
        out.print(f"announced to {taken_in:,}; `clm broadcast --list` shows how it goes, --cancel calls it off")
    else:
        out.print("nothing was announced" if plan.new else "nobody is new; nothing was announced", style="dim")


def _with_progress(database: Database, journeys: Journeys, found: Broadcast) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with database.read() as tx:
        contacts = census.contacts_in_all(tx)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(f"announcing {found.campaign}", total=contacts)
        return announce(database, journeys, found, clock=_now, progress=lambda seen: bar.advance(task, seen))


def _cancel(database: Database, found: Broadcast, asking: Asking) -> None:
    name = found.campaign
    with database.read() as tx:
        still, gone = broadcasts.still(tx, name), broadcasts.gone(tx, name)
    if not asking.json:
        out.print(f"{name}: {still:,} people have not been sent it yet, {gone:,} have", markup=False)
    ended: CalledOff | None = None
    theirs = f"{still:,} people" if still else "everybody who is not in yet"
    # Asked even where nobody is left: an announcement may be under way, or another one come.
    if asking.agreed(f"Call it off for {theirs}? Nobody can be taken in any more."):
        ended = call_off(database, found, now=_now())
    if asking.json:
        print_json({"broadcast": name, "unsent": still, "gone": gone, "called_off": ended and asdict(ended)})
    elif ended is not None:
        out.print(f"called off for {ended.waiting + ended.queued:,}; {ended.gone:,} had left already")


def _show(found: Broadcast, plan: BroadcastPlan, project: Project) -> None:
    step = found.sends[0]
    whose = "by the shop's clock" if found.where == "shop" else "by the clock where each of them lives"
    by = "e-mail" if step.channel == "email" else "SMS"
    out.print(f"[bold]{found.campaign}[/]: ", end="")
    when = "at once" if found.at_once else f"{found.at} {whose}"
    out.print(f"{found.title}; by {by}, {when}", markup=False)
    shown = table("", "", wrap=("",))
    shown.show_header = False
    again = f"; announced to {plan.announced:,} of them already" if plan.announced else ""
    late = f"; too late for {plan.late:,}" if plan.late else ""
    shown.add_row("matching", f"{plan.matching:,} people{again}{late}")
    if plan.new:
        _add_new(shown, found, plan, project.configuration.shop.base_currency)
    out.print(shown, markup=False)


def _add_new(shown: Table, found: Broadcast, plan: BroadcastPlan, currency: str) -> None:
    """What is to be said of those who would be taken in."""
    shown.add_row("held out", f"{plan.held_out:,} of {plan.new:,}")
    shown.add_row("languages", _counted(plan.locales))
    if found.where == "contact":
        shown.add_row("zones", _counted(plan.zones, most=_ZONES_TOLD))
    if plan.first_at is not None and plan.last_at is not None:
        first, last = (f"{from_ms(at):%Y-%m-%d %H:%M}" for at in (plan.first_at, plan.last_at))
        shown.add_row("leaves", f"{first} UTC" if first == last else f"{first} to {last} UTC")
    shown.add_row("guards", _guards(plan))
    if found.sends[0].channel == "sms":
        money = f"{plan.of_all(plan.cost):,.2f} {currency}"
        shown.add_row("cost", f"about {round(plan.of_all(plan.segments)):,} segments, {money}")


def _guards(plan: BroadcastPlan) -> str:
    told = [f"as things stand {plan.sends:,} of {plan.sampled:,} would go"]
    for what, counts in (("wait", plan.waits), ("be refused", plan.refused)):
        if counts:
            told.append(f"{counts.total():,} would {what}: {_counted(counts)}")
    asked = "" if plan.sampled == plan.getting else " (drawn by lot)"
    return "\n".join(told) + asked


def _counted(counts: Counter[str], most: int | None = None) -> str:
    told = [f"{name} {count:,}" for name, count in counts.most_common(most)]
    more = len(counts) - len(told)
    return ", ".join(told) + (f", and {more} more" if more else "")


def _document(found: Broadcast, plan: BroadcastPlan) -> dict[str, Any]:
    return {
        "broadcast": found.campaign,
        "title": found.title,
        "version": found.version,
        "at": found.at,
        "where": found.where,
        "matching": plan.matching,
        "announced": plan.announced,
        "late": plan.late,
        "new": plan.new,
        "held_out": plan.held_out,
        "first_at": iso(plan.first_at),
        "last_at": iso(plan.last_at),
        "locales": dict(plan.locales),
        "zones": dict(plan.zones),
        "sample": {
            "contacts": plan.sampled, "sends": plan.sends, "waits": dict(plan.waits), "refused": dict(plan.refused),
        },
        "segments": round(plan.of_all(plan.segments)),
        "cost": round(plan.of_all(plan.cost), 2),
    }  # fmt: skip


def _list(settings: Settings, *, json: bool) -> None:
    configuration = load_configuration(settings.config)
    with closing(open_database(settings)) as database:
        found = outings(database, configuration)
    if json:
        print_json([_outing(one) for one in found])
        return
    if not found:
        out.print(f"there are no broadcasts; write one in {settings.config / FOLDER}/")
        return
    figures = ("announced", "held out", "queued", "sent", "not sent", "called off", "goals")
    listing = table("broadcast", "state", "at", *figures, right=figures)
    for one in found:
        counts = _outing(one)
        values = (f"{counts[name.replace(' ', '_')]:,}" for name in figures)
        at = one.broadcast.at if one.begun_at is None else f"{from_ms(one.begun_at):%Y-%m-%d %H:%M} UTC"
        listing.add_row(one.broadcast.campaign, one.state, at, *values)
    out.print(listing, markup=False)


def _outing(one: Outing) -> dict[str, Any]:
    return {
        "broadcast": one.broadcast.campaign,
        "title": one.broadcast.title,
        "state": one.state,
        "at": one.broadcast.at,
        "begun_at": iso(one.begun_at),
        "where": one.broadcast.where,
        "announced": one.announced,
        "held_out": one.standing.total("held_out"),
        "queued": one.queued,
        "sent": one.standing.messages.get("sent", 0),
        "in_doubt": one.standing.messages.get("in_doubt", 0),
        "not_sent": one.not_sent,
        "called_off": one.called_off,
        "goals": one.standing.total("goals"),
    }


def _now() -> int:
    return to_ms(datetime.now(UTC))
