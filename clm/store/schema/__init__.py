"""Every table, with the constraints that make things happen once.

Instants are milliseconds since 1970 UTC, money is minor units of the base currency. Constraint names are stable because
migrations and `ON CONFLICT` clauses speak of them by their columns.
"""

from __future__ import annotations

from sqlalchemy import Table

from clm.store.schema import (  # noqa: F401 - each makes its tables
    facts,
    journeys,
    notices,
    offers,
    people,
    profile,
    sending,
    wares,
)
from clm.store.schema.columns import metadata as metadata

contacts: Table = metadata.tables["contacts"]
consents: Table = metadata.tables["consents"]
orders: Table = metadata.tables["orders"]
order_lines: Table = metadata.tables["order_lines"]
events: Table = metadata.tables["events"]
profiles: Table = metadata.tables["profiles"]
campaign_versions: Table = metadata.tables["campaign_versions"]
enrolments: Table = metadata.tables["enrolments"]
messages: Table = metadata.tables["messages"]
attempts: Table = metadata.tables["attempts"]
decisions: Table = metadata.tables["decisions"]
watermarks: Table = metadata.tables["watermarks"]
change_numbers: Table = metadata.tables["change_numbers"]
stage_history: Table = metadata.tables["stage_history"]
group_history: Table = metadata.tables["group_history"]
shop_values: Table = metadata.tables["shop_values"]
suppressions: Table = metadata.tables["suppressions"]
replies: Table = metadata.tables["replies"]
stops: Table = metadata.tables["stops"]
delivery_events: Table = metadata.tables["delivery_events"]
quarantine: Table = metadata.tables["quarantine"]
source_cursors: Table = metadata.tables["source_cursors"]
alerts: Table = metadata.tables["alerts"]
coupons: Table = metadata.tables["coupons"]
redemptions: Table = metadata.tables["redemptions"]
wishes: Table = metadata.tables["wishes"]
staff_accounts: Table = metadata.tables["staff_accounts"]
products: Table = metadata.tables["products"]
product_figures: Table = metadata.tables["product_figures"]
product_pairs: Table = metadata.tables["product_pairs"]
