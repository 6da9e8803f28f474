"""Customers' pages, and what providers tell us; `clm serve` runs it."""
