"""`clm import`: one file through the same path as the scheduled pull."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from clm.cli.terminal import AsJson, err, out, print_json, table
from clm.config import load_configuration
from clm.content.brand import hosts_of, read_brand
from clm.domain.instant import to_ms
from clm.domain.record import Feed
from clm.engine.blocks import may_lead_to
from clm.engine.ingest import Counts
from clm.engine.pull import import_file, money_of
from clm.engine.workspace import open_database
from clm.errors import ClmError, MappingError
from clm.settings import Settings
from clm.sources import FeedReader, FeedSpec, open_feed
from clm.store import orders, products
from clm.store.database import Database

import_app = App(name="import", help="Take one file in: CSV, JSON lines or Parquet, plain or .gz.")

Source = Annotated[str, Parameter(help="Name of the shop or system; its ids are unique within it.")]
Map = Annotated[
    list[str] | None,
    Parameter(name="--map", negative="", help="field=column, once per field whose column has another name."),
]
Set = Annotated[
    list[str] | None,
    Parameter(name="--set", negative="", help="field='text with {column}': a constant, or a value made of columns."),
]
Zone = Annotated[str, Parameter(name=["--time-zone", "--timezone"], help="Zone of times that name none.")]
Currency = Annotated[
    str | None, Parameter(help="Currency of orders and prices that name none; default: the base currency.")
]


@import_app.command(name="contacts")
def import_contacts(
    file: Path,
    *,
    source: Source = "shop",
    map_: Map = None,
    set_: Set = None,
    time_zone: Zone = "UTC",
    json: AsJson = False,
) -> None:
    """Contacts: who they are and what they consented to.

    Fields: contact (the source's own id), email, phone, first_name, last_name, name, country, locale, time_zone,
    signed_up_at, acquisition_source, email_consent, sms_consent, consent_at. Columns with these names map themselves.

    Example: clm import contacts people.csv --source crm --map contact=id --map signed_up_at=created
    """
    _import("contacts", file, source, map_, set_, time_zone, as_json=json)


@import_app.command(name="orders")
def import_orders(
    file: Path,
    *,
    source: Source = "shop",
    map_: Map = None,
    set_: Set = None,
    time_zone: Zone = "UTC",
    currency: Currency = None,
    json: AsJson = False,
) -> None:
    """Orders, cancellations and refunds; the contacts they name are created.

    Fields: order_id, contact, ordered_at, amount, currency, kind (order, cancellation, refund), cancels (the order id
    it takes back), coupon (what was entered at the checkout), order_lines, and all fields of contacts.

    Example: clm import orders orders.csv.gz --map contact=customer_id --map amount=amount_gbp
    --set email='{customer_id}@example.com' --set email_consent=true --time-zone Europe/London --currency GBP
    """
    _import("orders", file, source, map_, set_, time_zone, currency=currency, as_json=json)


@import_app.command(name="events")
def import_events(
    file: Path,
    *,
    source: Source = "shop",
    map_: Map = None,
    set_: Set = None,
    time_zone: Zone = "UTC",
    json: AsJson = False,
) -> None:
    """Events: what contacts did.

    Fields: event_id (made up from the rest where missing), contact, name, at, properties (JSON), properties.X.

    Example: clm import events views.jsonl.gz --map at=timestamp --map properties.sku=sku
    """
    _import("events", file, source, map_, set_, time_zone, as_json=json)


@import_app.command(name="products")
def import_products(
    file: Path,
    *,
    source: Source = "shop",
    map_: Map = None,
    set_: Set = None,
    currency: Currency = None,
    json: AsJson = False,
) -> None:
    """Products: what is for sale, for the letters that show some.

    Fields: product_id (as order lines name it), name, name.fa (in other languages, one column each), category,
    category.fa, price, currency, url, image_url (https), available (yes, no, or how many are left; yes unless said).

    Example: clm import products stock.csv --source shop --map product_id=SKU --map name.fa=Persian --map available=Left
    """
    _import("products", file, source, map_, set_, "UTC", currency=currency, as_json=json)


def _import(
    feed: Feed,
    file: Path,
    source: str,
    maps: list[str] | None,
    sets: list[str] | None,
    time_zone: str,
    *,
    currency: str | None = None,
    as_json: bool,
) -> None:
    settings = Settings()
    shop = load_configuration(settings.config).shop
    if not file.is_file():
        raise ClmError(f"{file}: there is no such file")
    spec = FeedSpec(
        source=source,
        feed=feed,
        path=str(file),
        map=_pairs("--map", maps, "field=column"),
        set=_pairs("--set", sets, "field='text with {column}'"),
        time_zone=time_zone,
        currency=currency,
    )
    reader = open_feed(spec, file, money_of(shop))
    if not as_json:
        _print_mapping(reader)
    database = open_database(settings, create=True)
    try:
        counts = _with_progress(database, spec, reader)
        if as_json:
            print_json(counts.as_dict())
        else:
            _print_counts(counts, reader, database, feed)
            if feed == "products":
                _print_foreign(database, settings)
    finally:
        database.close()


def _print_foreign(database: Database, settings: Settings) -> None:
    """Say which pages letters will not lead to."""
    hosts = hosts_of(read_brand(settings.config / "brand.yaml"))
    with database.read() as tx:
        foreign = Counter(urlsplit(url).netloc for url in products.urls(tx) if not may_lead_to(url, hosts))
    if foreign:
        named = ", ".join(f"{host} ({count:,})" for host, count in foreign.most_common(10))
        out.print(
            f"letters lead to the shop instead of these pages' hosts: {named}; if they are yours, add them to"
            " `link_hosts` of config/brand.yaml",
            markup=False,
        )


def _pairs(option: str, given: list[str] | None, form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise MappingError(f"{option} {text}: write {option} {form}")
        if name.strip() in pairs:
            raise MappingError(f"{option} {text}: `{name.strip()}` is given twice")
        pairs[name.strip()] = value if option == "--set" else value.strip()
    return pairs


def _with_progress(database: Database, spec: FeedSpec, reader: FeedReader) -> Counts:
    now = to_ms(datetime.now(UTC))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"importing {reader.path.name}", total=reader.bytes_total)
        return import_file(
            database, spec, reader, now=now, progress=lambda read: progress.update(task, completed=read.bytes_read())
        )


def _print_mapping(reader: FeedReader) -> None:
    shown = ", ".join(f"{field} ← {column}" for field, column in reader.mapping.items())
    err.print(shown, style="dim", markup=False, soft_wrap=True)
    if reader.ignored:
        err.print(f"not used: {', '.join(reader.ignored)}", style="dim", markup=False, soft_wrap=True)


def _print_counts(counts: Counts, reader: FeedReader, database: Database, feed: Feed) -> None:
    shown = table(*counts.as_dict(), right=tuple(counts.as_dict()))
    shown.add_row(*(f"{count:,}" for count in counts.as_dict().values()))
    out.print(shown)
    if counts.quarantined:
        out.print(f"{counts.quarantined:,} rows are in quarantine; see why: clm quarantine")
    if reader.unplaced:
        named = ", ".join(f"{name} ({count})" for name, count in reader.unplaced.most_common(10))
        out.print(f"no single country, kept without one: {named}", markup=False)
    if feed == "orders":
        with database.read() as tx:
            matched, unmatched = orders.taken_back(tx)
        if matched or unmatched:
            out.print(
                f"cancellations and refunds so far: {matched:,} lower the order they name, {unmatched:,} name none we"
                " know and count as negative revenue at their own time"
            )
