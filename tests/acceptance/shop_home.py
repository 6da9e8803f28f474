"""A CLM_HOME with the real orders in it, and `clm` as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

ORDERS = PROJECT.parent / "shared" / "data" / "online_retail_2009_2010.csv.gz"
MAPPING = (
    "--source=retail", "--map=contact=customer_id", "--map=amount=amount_gbp", "--set=email={customer_id}@example.com",
    "--set=email_consent=true", "--time-zone=Europe/London", "--currency=GBP",
)  # fmt: skip
_SECONDS_MAX = 300


class ShopHome:
    """One CLM_HOME, and the database it uses."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.url = database_url or f"sqlite:///{folder / 'clm.db'}"
        foreign = ("CLM_", "PREFECT_")
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self._environment |= {"CLM_HOME": str(folder), "CLM_DATABASE_URL": self.url}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `clm …` in the project's folder."""
        command = [sys.executable, "-m", "clm", *arguments]
        return subprocess.Popen(
            command, cwd=PROJECT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def clm(self, *arguments: str) -> Any:
        """What `clm … --json` prints."""
        return printed(self.start(*arguments, "--json"))

    def import_orders(self, file: Path) -> dict[str, int]:
        """Import the shop's file by the mapping of its columns."""
        counts: dict[str, int] = self.clm("import", "orders", str(file), *MAPPING)
        return counts

    def mails(self) -> list[Path]:
        """The e-mails in the local outbox."""
        return sorted((self.folder / "outbox" / "mail").glob("*.eml"))


def printed(process: subprocess.Popen[str]) -> Any:
    """The one JSON document on standard output of a command that ends well; logs are on standard error."""
    try:
        out, err = process.communicate(timeout=_SECONDS_MAX)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0, err[-4_000:]
    return json.loads(out)
