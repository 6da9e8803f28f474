"""Thin Prefect tasks: open the project, call clm, return counts; never a name, an address or a template."""
