"""Anything that people, providers and operators may do, in any order that hypothesis thinks of."""
