"""`clm …` as a person types it, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clm.cli import main

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Clm = Callable[..., Ended]


@pytest.fixture
def clm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clm:
    """Runs `clm …` in the project with a CLM_HOME of its own; in this process, because loading takes a second."""
    for name in list(os.environ):
        if name.startswith(("CLM_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(ROOT)

    def run(*arguments: str, **environment: str) -> Ended:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["clm", *arguments])
        capsys.readouterr()
        status: Any = 0
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
        printed = capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    return run
