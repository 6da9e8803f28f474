"""Saffron & Sage, a made-up London shop for tea and spices that ships to nine countries: source files to try clm on."""

from __future__ import annotations

from clm.sources.demo.export import CONTACTS_FILE, EVENTS_FILE, ORDERS_FILE, PRODUCTS_FILE
from clm.sources.demo.people import CUSTOMERS_MAX
from clm.sources.demo.seasons import YEARS_MAX
from clm.sources.demo.shop import CountrySummary, ShopSummary, write_shop

__all__ = [
    "CONTACTS_FILE",
    "CUSTOMERS_MAX",
    "EVENTS_FILE",
    "ORDERS_FILE",
    "PRODUCTS_FILE",
    "YEARS_MAX",
    "CountrySummary",
    "ShopSummary",
    "write_shop",
]
