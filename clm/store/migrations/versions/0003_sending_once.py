"""sending once."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('stops',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('since', sa.BigInteger(), nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=True),
    sa.Column('allowed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('probed_since', sa.BigInteger(), nullable=True),
    sa.Column('times', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('released_at', sa.BigInteger(), nullable=True),
    sa.Column('released_by', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stops'))
    )
    with op.batch_alter_table('stops', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_stops_scope_since'), ['scope', 'since'], unique=False)
        batch_op.create_index('uq_stops_standing', ['kind', 'scope'], unique=True, sqlite_where=sa.text('released_at IS NULL'), postgresql_where=sa.text('released_at IS NULL'))

    op.create_table('replies',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('provider_event_id', sa.Text(), nullable=False),
    sa.Column('contact_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('meaning', sa.Text(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_replies_contact_id_contacts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_replies')),
    sa.UniqueConstraint('provider', 'provider_event_id', name=op.f('uq_replies_provider_provider_event_id'))
    )
    with op.batch_alter_table('replies', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_replies_contact_id'), ['contact_id'], unique=False)

    with op.batch_alter_table('attempts', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('provider', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('sender', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('fingerprint', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('provider_id', sa.Text(), nullable=True))
        batch_op.create_index(batch_op.f('ix_attempts_provider_id'), ['provider_id'], unique=False, sqlite_where=sa.text('provider_id IS NOT NULL'), postgresql_where=sa.text('provider_id IS NOT NULL'))
        batch_op.create_index(batch_op.f('ix_attempts_sender_intended_at'), ['sender', 'intended_at'], unique=False)

    with op.batch_alter_table('delivery_events', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('reference', sa.Text(), nullable=True))
        harm = sa.text("kind IN ('bounced', 'complained')")
        failed = sa.text("kind IN ('failed', 'undelivered')")
        batch_op.create_index('ix_delivery_events_failures', ['recorded_at'], unique=False, sqlite_where=failed, postgresql_where=failed)
        batch_op.create_index('ix_delivery_events_harm', ['kind', 'at'], unique=False, sqlite_where=harm, postgresql_where=harm)

    with op.batch_alter_table('messages', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('segments', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('cost', sa.Float(), nullable=True))
        queued = sa.text("status = 'queued'")
        held = sa.text('lease_token IS NOT NULL')
        batch_op.create_index('ix_messages_in_hand', ['contact_id'], unique=False, sqlite_where=held, postgresql_where=held)
        batch_op.drop_index('ix_messages_queued')
        batch_op.create_index('ix_messages_queued', ['channel', 'queue_rank', 'due_at', 'id'], unique=False, sqlite_where=queued, postgresql_where=queued)
        batch_op.create_index('ix_messages_unsettled', ['status', 'id'], unique=False, sqlite_where=sa.text("status IN ('sending', 'in_doubt')"), postgresql_where=sa.text("status IN ('sending', 'in_doubt')"))
