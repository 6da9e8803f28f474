"""Messages of one campaign to people who may have them, queued inside the database and the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy import text

from benchmarks.population import CHUNK_CONTACTS, SERIES, settle
from clm.config import Configuration, load_configuration
from clm.domain.instant import DAY_MS
from clm.domain.policy import Policy
from clm.engine.journey import Journeys
from clm.store.database import Database
from clm.store.entering import keep_version

CONFIG: Final = Path(__file__).parent.parent / "config"
CAMPAIGN: Final = "win_back"
STEP: Final = "news"

# They ordered once, half a year ago: nothing reaches the goal, and nobody is owed service first.
_STATEMENTS: Final = (
    """
INSERT INTO contacts (
    id, source, external_id, email, first_name, country, locale, zone, signed_up_at, lot, created_at
)
{series}
SELECT i, 'bench', 'c' || i, 'c' || i || '@example.com', 'Ada', 'GB', 'en', 'Europe/London', NULL,
       i * 48271 % 2147483647, :now
FROM series
""",
    """
INSERT INTO profiles (
    contact_id, signed_up_at, first_order_at, first_order_id, last_order_at, last_order_id, order_count, revenue,
    revenue_365d, revenue_365d_since, average_order_value, last_activity_at, email_consent, sms_consent, country,
    locale, home_zone, lot, changed
)
{series}
SELECT i, :then, :then, 'o' || i, :then, 'o' || i, 1, 2500, 2500, -4611686018427387904, 2500, :then, TRUE, FALSE, 'GB',
       'en', 'Europe/London', i * 48271 % 2147483647, 0
FROM series
""",
    """
INSERT INTO enrolments (
    id, campaign, version, contact_id, trigger_key, entered_at, status, position, next_due_at
)
{series}
SELECT i, :campaign, :version, i, 'o' || i, :now, 'active', 1, :now + 518400000 FROM series
""",
    """
INSERT INTO messages (
    enrolment_id, contact_id, campaign, step, channel, purpose, queue_rank, status, due_at, expires_at, created_at,
    attempts
)
{series}
SELECT i, i, :campaign, :step, 'email', 'marketing', 20, 'queued', :now, :now + 172800000, :now, 0 FROM series
""",
)


def journeys() -> Journeys:
    """The shipped campaign, live and without whom it holds out; the shipped policy but for what would stop it half-way.

    Canary and blast radius hold a large first send back until a person lets it go, which is what they are for.
    """
    shipped = load_configuration(CONFIG)
    (campaign,) = (one for one in shipped.campaigns if one.campaign == CAMPAIGN)
    live = campaign.model_copy(update={"status": "live", "holdout": 0.0})
    policy: Policy = replace(shipped.policy, delivery=replace(shipped.policy.delivery, canary=None, blast_radius=None))
    changed: Configuration = replace(shipped, campaigns=(live,), broadcasts=(), policy=policy, _parsed={})
    return Journeys(changed)


def fill(database: Database, plan: Journeys, *, messages: int, now: int) -> Iterator[int]:
    """Queue so many messages, one a contact, due at `now`; yields how many there are.

    Rows never pass through Python.
    """
    (campaign,) = plan.live()
    version = plan.today(campaign).version
    with database.write() as tx:
        keep_version(tx, campaign=CAMPAIGN, version=version, definition=campaign.definition(), now=now)
    for low in range(1, messages + 1, CHUNK_CONTACTS):
        high = min(low + CHUNK_CONTACTS - 1, messages)
        values = {
            "low": low,
            "high": high,
            "now": now,
            "then": now - 180 * DAY_MS,
            "campaign": CAMPAIGN,
            "version": version,
            "step": STEP,
        }
        with database.write() as tx:
            for statement in _STATEMENTS:
                tx.execute(text(statement.format(series=SERIES[database.dialect])), values)
        yield high
    settle(database)
