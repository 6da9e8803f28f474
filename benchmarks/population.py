"""A population of any size with believable facts, made inside the database and the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import text

from clm.domain.instant import DAY_MS
from clm.store.changes import stamp
from clm.store.database import Database, Transaction

CHUNK_CONTACTS: Final = 50_000
CHANGED_EVERY: Final = 10_000
"""One contact in so many orders between two ticks of five minutes: ten facts a year of each contact make about that."""

SERIES: Final = {
    "sqlite": "WITH RECURSIVE series(i) AS (SELECT :low UNION ALL SELECT i + 1 FROM series WHERE i < :high)",
    "postgresql": "WITH series(i) AS (SELECT generate_series(CAST(:low AS bigint), CAST(:high AS bigint)))",
}

_CONTACTS: Final = """
INSERT INTO contacts (id, source, external_id, email, country, locale, signed_up_at, lot, created_at)
{series}
SELECT i, 'bench', 'c' || i, 'c' || i || '@example.com', 'GB', 'en', NULL, i * 48271 % 2147483647, :now FROM series
"""

# Multiplying by a large number modulo a prime scatters neighbours over the whole range; each fact has its own pair.
# Three in ten never ordered, three ordered once; sign-ups are spread over three years, orders between sign-up and now.
_PROFILES: Final = """
INSERT INTO profiles (
    contact_id, signed_up_at, first_order_at, first_order_id, last_order_at, last_order_id, order_count, revenue,
    revenue_365d, revenue_365d_since, average_order_value, average_gap_days, last_gap_days, longest_gap_days,
    last_activity_at, email_consent, sms_consent, country, locale, home_zone, born_on, born_on_told_at, birthday,
    gap_50_ms, gap_80_ms, gap_90_ms, lapse_80_at, lapse_90_at, next_order_expected_at, emails_sent, last_rating,
    last_rated_at, spend_percentile, p_alive, rfm_group, lot, changed
)
{series},
drawn AS (
    SELECT i,
           (i * 7919 + 11) % 1000003 * 94608 AS age,
           (i * 104729 + 5) % 10007 % 10 AS kind,
           (i * 15485863 + 7) % 10009 AS early,
           (i * 32452843 + 3) % 10037 AS late,
           500 + (i * 49979687 + 13) % 20011 AS value,
           (i * 86028121 + 17) % 365 AS born
    FROM series
),
facts AS (
    SELECT i, value, kind, born,
           :now - age AS signed_up_at,
           CASE WHEN kind < 3 THEN 0 WHEN kind < 6 THEN 1 ELSE kind - 4 END AS orders,
           :now - age + age / 20000 * early AS first_at,
           :now - age + age / 20000 * early + (age - age / 20000 * early) / 10037 * late AS last_at
    FROM drawn
),
rhythm AS (
    SELECT facts.*, CASE WHEN orders > 1 THEN (last_at - first_at) / (orders - 1) END AS gap FROM facts
)
SELECT i, signed_up_at,
       CASE WHEN orders > 0 THEN first_at END, CASE WHEN orders > 0 THEN 'o' || i || '-1' END,
       CASE WHEN orders > 1 THEN last_at WHEN orders = 1 THEN first_at END,
       CASE WHEN orders > 0 THEN 'o' || i || '-' || orders END,
       orders, orders * value,
       CASE WHEN orders > 0 AND last_at > :now - :year THEN orders * value ELSE 0 END, -4611686018427387904,
       CASE WHEN orders > 0 THEN value END, gap / 86400000.0, gap / 86400000.0, gap / 86400000.0,
       CASE WHEN orders > 1 THEN last_at WHEN orders = 1 THEN first_at ELSE signed_up_at END,
       i % 5 <> 0, i % 5 = 0, 'GB', 'en', 'Europe/London',
       CASE WHEN kind % 2 = 0 THEN 86400000 * (3650 + CAST(born AS bigint)) END,
       CASE WHEN kind % 2 = 0 THEN signed_up_at END,
       CASE WHEN kind % 2 = 0 THEN (1 + born / 31) * 100 + 1 + born % 28 END,
       CASE WHEN orders > 2 THEN gap END, CASE WHEN orders > 2 THEN gap * 3 / 2 END,
       CASE WHEN orders > 2 THEN gap * 2 END,
       CASE WHEN orders > 2 THEN last_at + gap * 3 / 2 END, CASE WHEN orders > 2 THEN last_at + gap * 2 END,
       CASE WHEN orders > 2 THEN last_at + gap END,
       born % 20, CASE WHEN kind = 7 THEN born % 5 + 1 END, CASE WHEN kind = 7 THEN last_at END,
       CASE WHEN orders > 0 THEN value / 205.11 END, CASE WHEN orders > 1 THEN value / 20511.0 END,
       CASE WHEN orders > 4 THEN 'champions' WHEN orders > 2 THEN 'loyal' WHEN orders > 1 THEN 'at_risk' END,
       i * 48271 % 2147483647, 0
FROM rhythm
"""

# Two events of each contact and one of every fifth, spread over the last 200 days as the profile says they were active.
_EVENTS: Final = """
INSERT INTO events (source, external_id, contact_id, name, at, properties, recorded_at)
{series},
kinds (name, every, shift) AS (
    VALUES ('viewed_product', 1, 11), ('order_delivered', 1, 13), ('cart_updated', 5, 17), ('survey_answered', 9, 19),
           ('app_used', 11, 23)
)
SELECT 'bench', name || i, i, name, :now - (i * 7919 + shift * 104729) % 1000003 * 17280,
       CASE name WHEN 'viewed_product' THEN '{{"category": "Green tea", "product_id": "p1"}}'
                 WHEN 'survey_answered' THEN '{{"score": 4, "survey": "rating"}}' ELSE '{{}}' END, :now
FROM series CROSS JOIN kinds
WHERE i % every = 0
"""

_ORDER_NOW: Final = """
UPDATE profiles
SET last_order_at = :now, last_order_id = 'o' || contact_id || '-' || (order_count + 1), last_activity_at = :now,
    first_order_at = COALESCE(first_order_at, :now),
    first_order_id = COALESCE(first_order_id, 'o' || contact_id || '-1'),
    order_count = order_count + 1, revenue = revenue + 2500, revenue_365d = revenue_365d + 2500, changed = :changed
WHERE contact_id % :every = :turn
"""


def fill(database: Database, *, contacts: int, now: int) -> Iterator[int]:
    """Fill an empty database with `contacts` contacts and their profiles as of `now`; yields how many are there.

    Rows never pass through Python. Orders behind the facts are left out: nothing that evaluates a campaign reads them.
    On PostgreSQL the tables are vacuumed and analysed at the end, as the server itself does within a minute or two of
    such a load.
    """
    series = SERIES[database.dialect]
    for low in range(1, contacts + 1, CHUNK_CONTACTS):
        values = {"low": low, "high": min(low + CHUNK_CONTACTS - 1, contacts), "now": now, "year": 365 * DAY_MS}
        with database.write() as tx:
            tx.execute(text(_CONTACTS.format(series=series)), values)
            tx.execute(text(_PROFILES.format(series=series)), values)
            tx.execute(text(_EVENTS.format(series=series)), values)
        yield values["high"]
    settle(database)


def settle(database: Database) -> None:
    """Let a PostgreSQL server do now what it would do in the next minute; SQLite has nothing of the kind."""
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Not the empty tables: told that they are empty, the server would read them whole as they fill, until the
            # next time that it looks; of one never looked at it assumes some pages.
            for table in ("contacts", "profiles", "events", "enrolments", "decisions", "messages"):
                if connection.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {table})")):
                    connection.execute(text(f"VACUUM ANALYZE {table}"))


def order(tx: Transaction, *, turn: int, now: int) -> int:
    """One contact in CHANGED_EVERY places an order at `now`, others each turn; returns how many did."""
    values = {"every": CHANGED_EVERY, "turn": turn % CHANGED_EVERY, "now": now, "changed": stamp(tx)}
    return tx.execute(text(_ORDER_NOW), values).rowcount
