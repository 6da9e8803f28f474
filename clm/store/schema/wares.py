"""What the shop sells, as its product feed tells it, and what its orders say of it."""

from __future__ import annotations

from sqlalchemy import Index, Text
from sqlmodel import Field

from clm.store.schema.columns import Row, big


class Product(Row, table=True):
    """One thing for sale, as a source tells of it."""

    __tablename__ = "products"
    __table_args__ = (Index(None, "category"),)

    source: str = Field(primary_key=True, sa_type=Text)
    product_id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    names: str | None = Field(default=None, sa_type=Text)
    """A JSON object of the name in other languages, by locale."""
    category: str | None = Field(default=None, sa_type=Text)
    categories: str | None = Field(default=None, sa_type=Text)
    """The same of the category."""
    price: int | None = Field(default=None, sa_column=big(nullable=True))
    url: str | None = Field(default=None, sa_type=Text)
    image_url: str | None = Field(default=None, sa_type=Text)
    available: bool
    fingerprint: int = Field(sa_column=big())
    recorded_at: int = Field(sa_column=big())


class ProductFigure(Row, table=True):
    """What orders and ratings say of one product; written by scoring, for the whole shop."""

    __tablename__ = "product_figures"
    __table_args__ = (Index(None, "source", "buyers_90d"),)

    source: str = Field(primary_key=True, sa_type=Text)
    product_id: str = Field(primary_key=True, sa_type=Text)
    buyers_90d: int
    """Customers who bought it in the last 90 days."""
    buyers: int
    """Customers who ever bought it."""
    reorder_days: float | None = None
    """Median days until those who buy it again do so; null where fewer than ten have."""


class ProductPair(Row, table=True):
    """Another product that customers have bought together with one; written by scoring."""

    __tablename__ = "product_pairs"

    source: str = Field(primary_key=True, sa_type=Text)
    product_id: str = Field(primary_key=True, sa_type=Text)
    place: int = Field(primary_key=True)
    """1 for what goes with it best."""
    other_id: str = Field(sa_type=Text)
    orders: int
    """How many orders held both."""
    lift: float
    """How much more often together than by chance: P(both) / (P(one) P(other)) over orders (Brin et al., 1997)."""
