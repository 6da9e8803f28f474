"""The list: what is broken, the exact words that are replaced, and the tests that have to notice."""

from __future__ import annotations

from tests.reliability.sabotage.codes_and_answers import CODES_AND_ANSWERS
from tests.reliability.sabotage.edits import COUPONS, SIMULATION, Edit, Sabotage

FIRST = "clm/store/migrations/versions/0001_the_first_schema.py"
SECOND = "clm/store/migrations/versions/0002_the_campaign_engine.py"
FOURTH = "clm/store/migrations/versions/0004_words_in_every_language.py"
CONSTRAINTS = "tests/store/test_constraints.py"
MIGRATIONS = "tests/store/test_migrations.py"


def _without_key(name: str, migration: str, line: str, *tests: str) -> Sabotage:
    """The key is gone from every database that is made, whatever the code believes."""
    return Sabotage(f"no unique key: {name}", (Edit(migration, line, ""),), tests)


SABOTAGES: tuple[Sabotage, ...] = (
    # What the database holds.
    _without_key(
        "enrolments (campaign, contact, trigger)",
        FIRST,
        ",\n    sa.UniqueConstraint('campaign', 'contact_id', 'trigger_key',"
        " name=op.f('uq_enrolments_campaign_contact_id_trigger_key'))",
        CONSTRAINTS,
        MIGRATIONS,
    ),
    _without_key(
        "messages (enrolment, step)",
        FIRST,
        ",\n    sa.UniqueConstraint('enrolment_id', 'step', name=op.f('uq_messages_enrolment_id_step'))",
        CONSTRAINTS,
        MIGRATIONS,
    ),
    Sabotage(
        "no unique key: messages (contact) being sent",
        (
            Edit(
                FIRST,
                "'uq_messages_contact_sending', ['contact_id'], unique=True",
                "'uq_messages_contact_sending', ['contact_id'], unique=False",
            ),
        ),
        (CONSTRAINTS, MIGRATIONS),
    ),
    _without_key(
        "delivery_events (provider, event)",
        SECOND,
        ",\n    sa.UniqueConstraint('provider', 'provider_event_id',"
        " name=op.f('uq_delivery_events_provider_provider_event_id'))",
        "tests/store/test_delivery.py",
        MIGRATIONS,
    ),
    _without_key(
        "attempts (message, number)",
        FIRST,
        ",\n    sa.UniqueConstraint('message_id', 'number', name=op.f('uq_attempts_message_id_number'))",
        CONSTRAINTS,
        MIGRATIONS,
    ),
    _without_key(
        "contacts (source, external id)",
        FIRST,
        ",\n    sa.UniqueConstraint('source', 'external_id', name=op.f('uq_contacts_source_external_id'))",
        CONSTRAINTS,
        MIGRATIONS,
    ),
    _without_key(
        "coupons (code)",
        FOURTH,
        ",\n    sa.UniqueConstraint('code', name=op.f('uq_coupons_code'))",
        COUPONS,
        MIGRATIONS,
    ),
    Sabotage(
        "two dispatchers take the same code of a pool",
        (Edit("clm/store/coupons.py", "        .with_for_update(skip_locked=True)\n", ""),),
        (COUPONS,),
    ),
    Sabotage(
        "a code is sent that has gone since the words were made",
        (Edit("clm/engine/intent.py", "codeless = coupons.gone(tx, batch.codes, rows)", "codeless: set = set()"),),
        (COUPONS,),
    ),
    Sabotage(
        "a letter that is changed meanwhile keeps the other offer's code",
        (Edit("clm/engine/coupons.py", "    coupons.give_back(tx, message_ids)\n", ""),),
        ("tests/reliability/crashes/test_coupons_killed.py",),
    ),
    Sabotage(
        "a code goes to somebody else though its message may have left",
        (
            Edit(
                "clm/store/coupons.py",
                "COALESCE(a.outcome, '') NOT IN {NOT_LEFT}",
                "a.outcome = 'accepted'",
            ),
        ),
        (COUPONS,),
    ),
    # Handing over.
    Sabotage(
        "settle whoever holds it now: no token, no number",
        (
            Edit(
                "clm/store/attempts.py",
                "held = {(row.id, row.lease_token, row.attempts): row for row in tx.execute(open_ones)}",
                "held = {row.id: row for row in tx.execute(open_ones)}",
            ),
            Edit(
                "clm/store/attempts.py",
                "(row := held.get((one.id, one.token, one.number))) is not None",
                "(row := held.get(one.id)) is not None",
            ),
        ),
        ("tests/engine/test_dispatch.py",),
    ),
    Sabotage(
        "a time-out is taken for not sent, by the table of answers",
        (
            Edit(
                "clm/channels/answers.py",
                '(TimeoutError, Meaning("in_doubt", "no answer in time"))',
                '(TimeoutError, Meaning("not_sent", "no answer in time"))',
            ),
        ),
        ("tests/channels/test_answers.py",),
    ),
    Sabotage(
        "a time-out is taken for not sent, when it is recorded",
        (
            Edit(
                "clm/engine/settling.py",
                'return Settlement(*key, "in_doubt", "in_doubt", reason)',
                'return Settlement(*key, "queued", "not_sent", reason)',
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "no intent is recorded before the call",
        (
            Edit(
                "clm/store/attempts.py",
                "                for one in intents\n            ],",
                "                for one in intents[:0]\n            ],",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "handed over without a look at the lease",
        (
            Edit(
                "clm/engine/dispatch.py",
                "if clock_now + channel.limits.timeout_seconds * SECOND_MS > one.lease_until:",
                "if clock_now < 0:",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "being killed is caught, and taken for a lost answer",
        (
            Edit(
                "clm/engine/dispatch.py",
                "        except Exception as error:  # noqa: BLE001 - one message's",
                "        except BaseException as error:  # noqa: BLE001 - one message's",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "the provider's Retry-After is not heeded",
        (
            Edit("clm/engine/settling.py", "max(pause, retry_after_ms or 0)", "pause"),
            Edit(
                "clm/engine/settling.py",
                "stops.ask_to_wait(tx, scope, outcome.reason, since=now, until=until)",
                "str((scope, until))",
            ),
        ),
        ("tests/engine/test_stream.py",),
    ),
    # Deciding.
    Sabotage(
        "opt-outs are looked up when a message is leased, and not when it is authorised",
        (
            Edit(
                "clm/engine/authorisation.py",
                "        suppressions.suppressed(tx, addresses),\n",
                "        {one: AT_LEASE[one] for one in addresses if one in AT_LEASE},\n",
            ),
            Edit("clm/engine/authorisation.py", "\n\ndef known(", "\n\nAT_LEASE: dict = {}\n\n\ndef known("),
            Edit(
                "clm/engine/dispatch.py",
                "            material = gather(tx, rows, self._blocks)\n",
                "            material = gather(tx, rows, self._blocks)\n"
                "            from clm.store.suppressions import suppressed\n\n"
                "            reached = {('email', row.email) for row in rows} | {('sms', row.phone) for row in rows}\n"
                "            reached = {one for one in reached if one[1]}\n"
                "            for one in reached:\n"
                "                authorisation.AT_LEASE.pop(one, None)\n"
                "            authorisation.AT_LEASE.update(suppressed(tx, reached))\n",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "caps are counted without holding the contact",
        (
            Edit(
                "clm/store/contacted.py",
                '    if tx.dialect.name == "postgresql":\n        query = f"SELECT contact_id FROM profiles',
                '    if tx.dialect.name == "nobody":\n        query = f"SELECT contact_id FROM profiles',
            ),
        ),
        ("tests/engine/test_caps_at_once.py",),
    ),
    Sabotage(
        "caps do not count what is in doubt",
        (
            Edit(
                "clm/store/contacted.py",
                "AND intended_at > :since AND (status NOT IN ('rejected', 'sent') OR",
                "AND intended_at > :since AND status <> 'in_doubt' AND (status NOT IN ('rejected', 'sent') OR",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "what has expired is sent all the same",
        (Edit("clm/domain/policy.py", "    if now > candidate.expires_at:\n", "    if now < 0:\n"),),
        (SIMULATION,),
    ),
    Sabotage(
        "quiet hours are not asked for",
        (Edit("clm/domain/policy.py", "    if hours is None or at > candidate.expires_at:\n", "    if now:\n"),),
        (SIMULATION,),
    ),
    Sabotage(
        "who has reached the goal is written to",
        (
            Edit(
                "clm/domain/policy.py",
                "    if candidate.goal is not None and evaluate(candidate.goal, facts, now):",
                "    if candidate.goal is not None and evaluate(candidate.goal, facts, now) and now < 0:",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "the held out get everything",
        (
            Edit("clm/store/flight.py", "            e.holdout.is_not(None),", "            literal(value=False),"),
            Edit("clm/engine/authorisation.py", "held_out=row.holdout is not None", "held_out=False"),
        ),
        (SIMULATION,),
    ),
    # Doubt.
    Sabotage(
        "what is in doubt is handed over again at once",
        (
            Edit(
                "clm/engine/reconcile.py",
                "silence = journeys.configuration.policy.delivery.silence",
                "silence = 0 * journeys.configuration.policy.delivery.silence",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "silence counts although nothing later was told of",
        (
            Edit(
                "clm/store/doubt.py",
                "(SELECT COUNT(*) > 0 AND 2 * SUM(told) >= COUNT(*) FROM",
                "(SELECT COUNT(*) >= 0 FROM",
            ),
        ),
        ("tests/engine/test_doubt.py",),
    ),
    Sabotage(
        "events are no evidence",
        (
            Edit(
                "clm/engine/receive.py",
                "resolved = doubt.accepted(tx, [one.message_id for _, one in told.values()"
                " if one.message_id is not None], now=now)",
                "resolved = 0",
            ),
            Edit(
                "clm/engine/reconcile.py",
                "doubt.accepted(tx, doubt.told_of(tx, limit=BATCH_MESSAGES), now=now)",
                "0",
            ),
        ),
        (SIMULATION,),
    ),
    Sabotage(
        "what a dead dispatcher held is handed over again",
        (
            Edit(
                "clm/store/doubt.py",
                "again = [(None, None, row.id) for row in rows if row.provider in idempotent]",
                "again = [(None, None, row.id) for row in rows]",
            ),
            Edit(
                "clm/store/doubt.py",
                "doubted = [(DIED, row.id) for row in rows if row.provider not in idempotent]",
                "doubted: list = []",
            ),
        ),
        (SIMULATION,),
    ),
    # Facts and events in.
    Sabotage(
        "the cursor moves on before the rows are stored",
        (
            Edit(
                "clm/engine/pull.py",
                "    counts = _ingest(database, spec, reader, now=now).run(reader.rows(start.skip, now=now), keep)",
                "    with database.write() as tx:\n        keep(tx, 0, finished=True)\n"
                "    counts = _ingest(database, spec, reader, now=now).run(reader.rows(start.skip, now=now))",
            ),
        ),
        ("tests/engine/test_ingest.py",),
    ),
    Sabotage(
        "a webhook is acknowledged before its events are committed",
        (
            Edit(
                "clm/web/intake.py",
                "await asyncio.gather(*(asyncio.wrap_future(delivery.stored) for delivery in deliveries))",
                "await asyncio.sleep(0)",
            ),
        ),
        ("tests/web/test_sendgrid.py",),
    ),
    *CODES_AND_ANSWERS,
)
