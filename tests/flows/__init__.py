"""Tests of the flows, with Prefect."""
