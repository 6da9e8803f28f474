"""clm on the command line."""

from __future__ import annotations

from clm.cli.app import main

__all__ = ["main"]
