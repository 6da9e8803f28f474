"""`clm coupons`: the codes of each offer, more of them for a pool, and what has become of one."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clm.cli.terminal import AsJson, err, out, print_json, table
from clm.config import ShopConfig
from clm.domain.instant import from_ms, iso, to_ms
from clm.domain.nearest import nearest
from clm.domain.offer import Offer, canonical
from clm.engine.coupon_pool import Added, add_codes
from clm.engine.workspace import open_database
from clm.errors import ClmError
from clm.offers_file import load_offers
from clm.settings import Settings
from clm.store import coupons as stored
from clm.store import redemptions
from clm.store.database import Database, Found
from clm.yaml_file import read_yaml

coupons_app = App(
    name="coupons",
    help="""Codes that messages give along: how many there are, and what became of them.

Example: clm coupons
""",
)
Name = Annotated[str, Parameter(help="An offer of config/offers.yaml.")]
_COUNTS = ("free", "held", "given", "used", "expired")
_TOLD_MAX = 20
_PAGE_CODES = 5_000
_OVERUSED_MAX = 20
"""So many codes of an offer are named that were used too often."""


@coupons_app.default
def listing(*, json: AsJson = False) -> None:
    """List the offers, with how many of their codes are free, held, given, used and expired.

    Example: clm coupons
    """
    settings = Settings()
    offers, shop = _offers(settings)
    database = open_database(settings)
    try:
        with database.read() as tx:
            counts = stored.census(tx, now=_now())
            too_often, named = redemptions.all_overused(tx, limit=_OVERUSED_MAX)
    finally:
        database.close()
    names = list(dict.fromkeys([*offers, *counts]))
    if json:
        documents = [
            _document(name, offers.get(name), counts.get(name))
            | {"overused": too_often.get(name, 0), "overused_codes": [one.code for one in named if one.offer == name]}
            for name in names
        ]
        print_json({"offers": documents})
        return
    if not names:
        out.print("there are no offers; write them in config/offers.yaml")
        return
    shown = table("offer", "gives", "codes", *_COUNTS, "orders", right=(*_COUNTS, "orders"), wrap=("gives",))
    for name in names:
        offer, count = offers.get(name), counts.get(name)
        figures = [f"{getattr(count, each) if count else 0:,}" for each in (*_COUNTS, "orders")]
        if offer is not None and not offer.pooled and not _free(count):
            figures[0] = "–"  # made when they are needed
        shown.add_row(name, _gives(offer, shop), _codes(offer), *figures)
    out.print(shown, markup=False)
    for name, offer in offers.items():
        if not offer.pooled and (unused := _free(counts.get(name))):
            told = f"{unused:,} codes of {name}'s pool lie unused: config/offers.yaml has its codes made here"
            out.print(told, markup=False, style="dim", soft_wrap=True)
    for name, over in too_often.items():
        codes = [f"{one.code} ({one.orders:,} orders, good for {one.uses:,})" for one in named if one.offer == name]
        more = f", and {over - len(codes):,} more" if over > len(codes) else ""
        told = f"codes of {name} that were used more often than they are good for: {', '.join(codes)}{more}"
        out.print(told, markup=False, style="red", soft_wrap=True)


@coupons_app.command
def add(
    offer: Name,
    file: Annotated[Path, Parameter(help="One code a line; of several columns the first counts.")],
    *,
    json: AsJson = False,
) -> int:
    """Bring codes into the pool of an offer; lines that are no new code are told, and the others go in all the same.

    A file of which nothing can be taken is refused, so that whoever fills the pool by a schedule hears of it.

    Example: clm coupons add birthday codes.csv
    """
    settings = Settings()
    _pool(settings, offer)
    if not file.is_file():
        raise ClmError(f"{file}: there is no such file")
    database = open_database(settings)
    try:
        added = _with_progress(database, offer, file)
        with database.read() as tx:
            count = stored.census(tx, now=_now()).get(offer)
    finally:
        database.close()
    free, taken = _free(count), added.new + added.known
    if not taken and not added.refused:
        raise ClmError(f"{file}: holds no code; write one a line, or in the first of several columns")
    if json:
        refused = [{"line": line, "code": code, "reason": reason} for line, code, reason in added.refused]
        told = {"new": added.new, "known": added.known, "refused": refused, "free": free}
        print_json({"offer": offer, **told, "brought_forward": added.brought_forward})
        return 0 if taken else 1
    for line, code, reason in added.refused[:_TOLD_MAX]:
        err.print(f"{file}:{line}: {f'`{code}`: ' if code else ''}{reason}", markup=False, soft_wrap=True)
    if len(added.refused) > _TOLD_MAX:
        err.print(f"… and {len(added.refused) - _TOLD_MAX:,} more; --json lists all")
    out.print(
        f"{added.new:,} new, {added.known:,} known already, {len(added.refused):,} not taken; {free:,} are free now"
    )
    if added.brought_forward:
        what = "message goes" if added.brought_forward == 1 else "messages go"
        out.print(f"{added.brought_forward:,} {what} on that waited for a code")
    return 0 if taken else 1


@coupons_app.command
def find(code: str, *, json: AsJson = False) -> None:
    """Say what is known of a code, however it is typed: its offer, whose it is, and the orders it was used for.

    Example: clm coupons find BACK-7KX2MP
    """
    database = open_database(Settings())
    try:
        with database.read() as tx:
            found = stored.find(tx, canonical(code))
            orders = redemptions.of_coupon(tx, found.id) if found is not None else []
            over = redemptions.overused(tx, [found.id]) if found is not None else []
    finally:
        database.close()
    if found is None:
        raise ClmError(f"{canonical(code)} is no code of ours; `clm coupons` lists the offers")
    status = _status(found, orders)
    if json:
        print_json(_story(found, orders, status) | {"overused": bool(over)})
        return
    told = f"{status} for {over[0].orders:,} orders, and is good for {found.uses:,}" if over else status
    out.print(f"{found.code}: {told}", markup=False)
    rows = [
        ("offer", f"{found.offer}, {'of the pool' if found.pooled else 'made here'}"),
        ("contact", f"{found.contact} ({found.source})" if found.contact else None),
        ("given", f"{_day(found.issued_at)} by {found.campaign}/{found.step}" if found.issued_at else None),
        ("holds until", _day(found.expires_at)),
        ("good for", f"{found.uses:,} orders" if found.uses > 1 else None),
    ]
    rows += [("used", f"{_day(one.at)} for order {one.order_id} of {one.contact} ({one.source})") for one in orders]
    for name, value in rows:
        if value is not None:
            out.print(f"  {name:<12}{value}", markup=False)


@coupons_app.command
def export(offer: Name) -> None:
    """Write the codes of an offer that somebody may use to stdout as CSV, for the shop to know them.

    Example: clm coupons export win_back > codes.csv
    """
    settings = Settings()
    _known(settings, offer)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("code", "uses", "given_at", "expires_at"))
    database = open_database(settings)
    try:
        for row in _standing(database, offer):
            writer.writerow((row.code, row.uses, iso(row.issued_at), iso(row.expires_at)))
    finally:
        database.close()


def _standing(database: Database, offer: str) -> Iterator[Found]:
    after = 0
    while True:
        with database.read() as tx:
            rows = stored.standing_codes(tx, offer, now=_now(), after=after, limit=_PAGE_CODES)
        yield from rows
        if len(rows) < _PAGE_CODES:
            return
        after = rows[-1].id


def _with_progress(database: Database, offer: str, file: Path) -> Added:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress,
        file.open("rb") as lines,
    ):
        task = progress.add_task(f"adding {file.name}", total=file.stat().st_size)
        return add_codes(
            database, offer, lines, now=_now(), progress=lambda read: progress.update(task, completed=read)
        )


def _offers(settings: Settings) -> tuple[Mapping[str, Offer], ShopConfig]:
    """The offers, and the shop whose money they are in; a fault in a campaign's file is none of theirs."""
    shop = read_yaml(settings.config / "clm.yaml", ShopConfig)
    return load_offers(settings.config, minor_per_major=shop.minor_per_major, locales=shop.spoken), shop


def _known(settings: Settings, name: str) -> Offer:
    """The offer; raises ClmError with the nearest name where there is none."""
    offers, _ = _offers(settings)
    if name not in offers:
        known = f" (known: {', '.join(offers)})" if offers else ""
        raise ClmError(f"there is no offer `{name}`{nearest(name, offers)}{known}")
    return offers[name]


def _pool(settings: Settings, name: str) -> None:
    if not _known(settings, name).pooled:
        raise ClmError(
            f"the codes of offer `{name}` are made by clm; to give out your own, write `codes: pool` in"
            " config/offers.yaml"
        )


def _gives(offer: Offer | None, shop: ShopConfig) -> str:
    """What an offer gives, in a few words."""
    if offer is None:
        return "not in config/offers.yaml any more"
    if offer.amount is not None:
        return f"{offer.amount / shop.minor_per_major:,.2f} {shop.base_currency}"
    if offer.percent is not None:
        return f"{offer.percent} %"
    if offer.points is not None:
        return f"{offer.points:,} points"
    words = offer.gift or offer.draw
    return next(iter(words.values())) if words else offer.kind.replace("_", " ")


def _free(count: Found | None) -> int:
    return int(count.free) if count else 0


def _codes(offer: Offer | None) -> str | None:
    if offer is None:
        return None
    return "pool" if offer.pooled else f"{offer.prefix}-…"


def _document(name: str, offer: Offer | None, count: Found | None) -> dict[str, Any]:
    return {
        "offer": name,
        "kind": offer.kind if offer else None,
        "codes": None if offer is None else "pool" if offer.pooled else "generated",
        "days": offer.days if offer else None,
        "uses": offer.uses if offer else None,
        **{each: int(getattr(count, each)) if count else 0 for each in (*_COUNTS, "orders")},
    }


def _status(found: Found, orders: list[Found]) -> str:
    if orders:
        return "used"
    if found.contact_id is None:
        return "free"
    if found.issued_at is None:
        return "held"
    return "expired" if found.closed_at is not None or found.expires_at <= _now() else "given"


def _story(found: Found, orders: list[Found], status: str) -> dict[str, Any]:
    return {
        "code": found.code,
        "offer": found.offer,
        "status": status,
        "pooled": bool(found.pooled),
        "uses": found.uses,
        "source": found.source,
        "contact": found.contact,
        "message": found.message_id,
        "campaign": found.campaign,
        "step": found.step,
        "given_at": iso(found.issued_at),
        "expires_at": iso(found.expires_at),
        "closed_at": iso(found.closed_at),
        "orders": [
            {"source": one.source, "order_id": one.order_id, "contact": one.contact, "at": iso(one.at)}
            for one in orders
        ],
    }


def _day(at: int | None) -> str | None:
    return None if at is None else f"{from_ms(at):%Y-%m-%d %H:%M} UTC"


def _now() -> int:
    return to_ms(datetime.now(UTC))
