"""The specification: each test says one sentence of it."""
