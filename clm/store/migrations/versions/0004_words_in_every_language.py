"""words in every language: coupons, products, wishes, staff, alerts."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('orders', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('coupon', sa.Text(), nullable=True))

    with op.batch_alter_table('watermarks', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('snapshot', sa.Text(), nullable=True))

    op.create_table('coupons',
    sa.Column('id', _id(), autoincrement=True, nullable=False),
    sa.Column('offer', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('pooled', sa.Boolean(), nullable=False),
    sa.Column('uses', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('for_friends', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', _id(), nullable=True),
    sa.Column('issued_at', sa.BigInteger(), nullable=True),
    sa.Column('expires_at', sa.BigInteger(), nullable=True),
    sa.Column('message_id', _id(), nullable=True),
    sa.Column('carried_again', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('closed_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_coupons_contact_id_contacts')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_coupons_message_id_messages')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coupons')),
    sa.UniqueConstraint('code', name=op.f('uq_coupons_code'))
    )
    with op.batch_alter_table('coupons', schema=None, recreate='never') as batch_op:
        standing = sa.text('contact_id IS NOT NULL AND closed_at IS NULL')
        free = sa.text('contact_id IS NULL')
        carried = sa.text('message_id IS NOT NULL')
        owned = sa.text('contact_id IS NOT NULL')
        batch_op.create_index('ix_coupons_free', ['offer', 'id'], unique=False, sqlite_where=free, postgresql_where=free)
        batch_op.create_index(batch_op.f('ix_coupons_message_id'), ['message_id'], unique=False, sqlite_where=carried, postgresql_where=carried)
        batch_op.create_index(batch_op.f('ix_coupons_contact_id'), ['contact_id'], unique=False, sqlite_where=owned, postgresql_where=owned)
        batch_op.create_index('uq_coupons_standing', ['contact_id', 'offer'], unique=True, sqlite_where=standing, postgresql_where=standing)

    op.create_table('redemptions',
    sa.Column('coupon_id', _id(), autoincrement=False, nullable=False),
    sa.Column('order_id', _id(), autoincrement=False, nullable=False),
    sa.Column('contact_id', _id(), nullable=False, autoincrement=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_redemptions_contact_id_contacts')),
    sa.ForeignKeyConstraint(['coupon_id'], ['coupons.id'], name=op.f('fk_redemptions_coupon_id_coupons')),
    sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_redemptions_order_id_orders')),
    sa.PrimaryKeyConstraint('coupon_id', 'order_id', name=op.f('pk_redemptions'))
    )
    with op.batch_alter_table('redemptions', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_redemptions_contact_id'), ['contact_id'], unique=False)

    op.create_table('wishes',
    sa.Column('contact_id', _id(), autoincrement=False, nullable=False),
    sa.Column('topics_off', sa.Text(), nullable=False),
    sa.Column('frequency', sa.Text(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_wishes_contact_id_contacts')),
    sa.PrimaryKeyConstraint('contact_id', name=op.f('pk_wishes'))
    )

    op.create_table('staff_accounts',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_staff_accounts'))
    )

    op.create_table('products',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('product_id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('names', sa.Text(), nullable=True),
    sa.Column('category', sa.Text(), nullable=True),
    sa.Column('categories', sa.Text(), nullable=True),
    sa.Column('price', sa.BigInteger(), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('image_url', sa.Text(), nullable=True),
    sa.Column('available', sa.Boolean(), nullable=False),
    sa.Column('fingerprint', sa.BigInteger(), nullable=False),
    sa.Column('recorded_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('source', 'product_id', name=op.f('pk_products'))
    )
    with op.batch_alter_table('products', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_products_category'), ['category'], unique=False)

    op.create_table('product_figures',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('product_id', sa.Text(), nullable=False),
    sa.Column('buyers_90d', sa.Integer(), nullable=False),
    sa.Column('buyers', sa.Integer(), nullable=False),
    sa.Column('reorder_days', sa.Float(), nullable=True),
    sa.PrimaryKeyConstraint('source', 'product_id', name=op.f('pk_product_figures'))
    )
    with op.batch_alter_table('product_figures', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_product_figures_source_buyers_90d'), ['source', 'buyers_90d'], unique=False)

    op.create_table('product_pairs',
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('product_id', sa.Text(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('other_id', sa.Text(), nullable=False),
    sa.Column('orders', sa.Integer(), nullable=False),
    sa.Column('lift', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('source', 'product_id', 'place', name=op.f('pk_product_pairs'))
    )

    op.create_table('alerts',
    sa.Column('id', _id(), autoincrement=True, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('remedy', sa.Text(), nullable=True),
    sa.Column('since', sa.BigInteger(), nullable=False),
    sa.Column('last_at', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('mail', sa.BigInteger(), nullable=True),
    sa.Column('mailed_at', sa.BigInteger(), nullable=True),
    sa.Column('tries', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('lease_until', sa.BigInteger(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alerts')),
    sa.UniqueConstraint('kind', 'subject', name=op.f('uq_alerts_kind_subject'))
    )
    with op.batch_alter_table('alerts', schema=None, recreate='never') as batch_op:
        untold = sa.text("status IN ('queued', 'sending')")
        batch_op.create_index('ix_alerts_untold', ['status'], unique=False, sqlite_where=untold, postgresql_where=untold)
