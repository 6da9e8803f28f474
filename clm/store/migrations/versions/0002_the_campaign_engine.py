"""the campaign engine."""

import sqlalchemy as sa
from alembic import op

from clm.domain.whereabouts import home_zone

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

CONTACTS_AT_ONCE = 5_000


def upgrade() -> None:
    op.create_table('change_numbers',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_numbers'))
    )
    op.create_table('shop_values',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_shop_values'))
    )
    op.create_table('suppressions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('address_hash', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('lifted_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suppressions')),
    sa.UniqueConstraint('address_hash', 'channel', 'reason', name=op.f('uq_suppressions_address_hash_channel_reason'))
    )
    op.create_table('watermarks',
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('rules', sa.BigInteger(), nullable=False),
    sa.Column('evaluated_at', sa.BigInteger(), nullable=False),
    sa.Column('horizon', sa.BigInteger(), nullable=False),
    sa.Column('instance', sa.Text(), nullable=False),
    sa.Column('backlog_since', sa.BigInteger(), nullable=True),
    sa.Column('backlog_taken', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('scope', name=op.f('pk_watermarks'))
    )
    op.create_table('group_history',
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('since', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_group_history_contact_id_contacts')),
    sa.PrimaryKeyConstraint('contact_id', 'since', name=op.f('pk_group_history'))
    )
    with op.batch_alter_table('group_history', schema=None, recreate='never') as batch_op:
        batch_op.create_index('ix_group_history_name_since', ['name', 'since'], unique=False)
        batch_op.create_index('ix_group_history_name_until', ['name', 'until'], unique=False)

    op.create_table('stage_history',
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('since', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('lifecycle_number', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_stage_history_contact_id_contacts')),
    sa.PrimaryKeyConstraint('contact_id', 'since', name=op.f('pk_stage_history'))
    )
    with op.batch_alter_table('stage_history', schema=None, recreate='never') as batch_op:
        batch_op.create_index('ix_stage_history_name_since', ['name', 'since'], unique=False)
        batch_op.create_index('ix_stage_history_name_until', ['name', 'until'], unique=False)

    op.create_table('delivery_events',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('provider_event_id', sa.Text(), nullable=False),
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('by_machine', sa.Boolean(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_delivery_events_message_id_messages')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_events')),
    sa.UniqueConstraint('provider', 'provider_event_id', name=op.f('uq_delivery_events_provider_provider_event_id'))
    )
    with op.batch_alter_table('delivery_events', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_delivery_events_message_id_kind'), ['message_id', 'kind'], unique=False)

    with op.batch_alter_table('contacts', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('postcode', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('born_on', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('born_on_told_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('home_zone', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('lot', sa.BigInteger(), server_default=sa.text('0'), nullable=False))

    known = sa.text('email IS NOT NULL')
    op.create_index('ix_contacts_email_lower', 'contacts', [sa.text('lower(email)')], sqlite_where=known, postgresql_where=known)
    known = sa.text('phone IS NOT NULL')
    op.create_index('ix_contacts_phone', 'contacts', ['phone'], sqlite_where=known, postgresql_where=known)

    op.drop_index('ix_enrolments_campaign_ended_at', 'enrolments')  # nobody asks by it any more
    with op.batch_alter_table('enrolments', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('holdout', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('variant', sa.Text(), nullable=True))

    with op.batch_alter_table('events', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_events_contact_id_at'))
        batch_op.create_index('ix_events_contact_name_at', ['contact_id', 'name', 'at'], unique=False)
        batch_op.create_index('ix_events_name_at', ['name', 'at'], unique=False)

    with op.batch_alter_table('messages', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('intended_at', sa.BigInteger(), nullable=True))

    # What was a time becomes a number; 0 is older than any, and without watermarks everybody is looked at once.
    op.drop_index('ix_profiles_changed_at', 'profiles')
    op.execute('ALTER TABLE profiles RENAME COLUMN changed_at TO changed')
    op.execute('UPDATE profiles SET changed = 0')
    with op.batch_alter_table('profiles', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('home_zone', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('born_on', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('born_on_told_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('birthday', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('gap_50_ms', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('gap_80_ms', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('gap_90_ms', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('lapse_80_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('lapse_90_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('next_order_expected_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('rhythm_stale', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('open_tickets', sa.Integer(), server_default=sa.text('0'), nullable=False))
        batch_op.add_column(sa.Column('last_rating', sa.Float(), nullable=True))
        batch_op.add_column(sa.Column('last_rated_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('late_delivery', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('emails_sent', sa.Integer(), server_default=sa.text('0'), nullable=False))
        batch_op.add_column(sa.Column('last_email_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('sms_sent', sa.Integer(), server_default=sa.text('0'), nullable=False))
        batch_op.add_column(sa.Column('last_sms_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('last_reaction_at', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('recency_score', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('frequency_score', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('monetary_score', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('rfm_group', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('spend_percentile', sa.Float(), nullable=True))
        batch_op.add_column(sa.Column('p_alive', sa.Float(), nullable=True))
        batch_op.add_column(sa.Column('expected_orders_90d', sa.Float(), nullable=True))
        batch_op.add_column(sa.Column('predicted_revenue_365d', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('stage', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('stage_since', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('lifecycle_number', sa.Integer(), server_default=sa.text('1'), nullable=False))
        batch_op.add_column(sa.Column('lot', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
        batch_op.create_index(batch_op.f('ix_profiles_birthday'), ['birthday'], unique=False, sqlite_where=sa.text('birthday IS NOT NULL'), postgresql_where=sa.text('birthday IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_profiles_changed'), ['changed'], unique=False)
        for name in ('born_on', 'born_on_told_at', 'lapse_90_at', 'last_email_at', 'last_rated_at', 'last_reaction_at', 'last_sms_at', 'stage_since'):
            known = sa.text(f'{name} IS NOT NULL')
            batch_op.create_index(batch_op.f(f'ix_profiles_{name}'), [name], unique=False, sqlite_where=known, postgresql_where=known)
        batch_op.create_index(batch_op.f('ix_profiles_lapse_80_at'), ['lapse_80_at'], unique=False, sqlite_where=sa.text('lapse_80_at IS NOT NULL'), postgresql_where=sa.text('lapse_80_at IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_profiles_next_order_expected_at'), ['next_order_expected_at'], unique=False, sqlite_where=sa.text('next_order_expected_at IS NOT NULL'), postgresql_where=sa.text('next_order_expected_at IS NOT NULL'))
        batch_op.create_index('ix_profiles_rhythm_stale', ['contact_id'], unique=False, sqlite_where=sa.text('rhythm_stale'), postgresql_where=sa.text('rhythm_stale'))

    # Contacts of before draw their lot from their id: external ids cannot be hashed in SQL.
    op.execute('UPDATE contacts SET lot = id * 48271 % 2147483647')
    # The new facts of every profile are computed by the first refresh (clm.engine.profile), batch by batch.
    op.execute('UPDATE profiles SET lot = contact_id * 48271 % 2147483647, rhythm_stale = true')
    op.execute("UPDATE messages SET intended_at = (SELECT MAX(a.intended_at) FROM attempts a WHERE a.message_id = messages.id)")
    _count_what_was_sent('email', 'emails_sent', 'last_email_at')
    _count_what_was_sent('sms', 'sms_sent', 'last_sms_at')
    _find_home_zones()
    op.drop_index('uq_decisions_enrolment_kind', 'decisions')
    kinds = sa.text("kind IN ('entered', 'held_out', 'exited', 'completed')")
    op.create_index('uq_decisions_enrolment_kind', 'decisions', ['enrolment_id', 'kind'], unique=True, sqlite_where=kinds, postgresql_where=kinds)


def _count_what_was_sent(channel: str, times: str, latest: str) -> None:
    """Nothing recomputes these two facts: they are counted where a message is settled."""
    sent = f"FROM messages m WHERE m.status = 'sent' AND m.purpose = 'marketing' AND m.channel = '{channel}'"
    own = f'{sent} AND m.contact_id = profiles.contact_id'
    op.execute(
        f'UPDATE profiles SET {times} = (SELECT COUNT(*) {own}),'
        f' {latest} = (SELECT MAX(COALESCE(m.sent_at, m.intended_at)) {own})'
        f' WHERE contact_id IN (SELECT m.contact_id {sent})'
    )


def _find_home_zones() -> None:
    """Where contacts of before live, as far as they told; profiles take it from there."""
    connection = op.get_bind()
    some = sa.text(
        'SELECT id, zone, country, phone FROM contacts WHERE id > :after'
        ' AND (zone IS NOT NULL OR country IS NOT NULL OR phone IS NOT NULL) ORDER BY id LIMIT :most'
    )
    after = 0
    while rows := connection.execute(some, {'after': after, 'most': CONTACTS_AT_ONCE}).all():
        after = rows[-1].id
        found = [(row.id, home_zone(zone=row.zone, country=row.country, postcode=None, phone=row.phone)) for row in rows]
        homes = [{'contact': contact, 'home': home} for contact, home in found if home is not None]
        if homes:
            connection.execute(sa.text('UPDATE contacts SET home_zone = :home WHERE id = :contact'), homes)
