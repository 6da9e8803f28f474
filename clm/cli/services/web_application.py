"""The web application beside Prefect's server and worker: where it listens, and whether it is ours and well."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clm.cli.services.prefect_api import HOST

if TYPE_CHECKING:
    from clm.settings import Settings

FIRST_PORT = 8080
_ANSWER_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class WebApplication:
    """A web application on this machine."""

    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def command(self) -> tuple[str, ...]:
        """What runs it, after the name of Python."""
        return ("-m", "clm", "serve", "--host", HOST, "--port", str(self.port))

    def environment(self, settings: Settings) -> dict[str, str]:
        """What whoever writes links must know: they lead here, unless somebody has said where customers reach it."""
        return {} if "public_url" in settings.model_fields_set else {"CLM_PUBLIC_URL": self.url}

    def is_ready(self, pid: int | None) -> bool:
        """Whether it answers, reaches its database, and is our process `pid` and not a stranger at this port."""
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=_ANSWER_SECONDS_MAX) as answer:  # noqa: S310 - http, on this machine
                told = json.load(answer)
        except (OSError, ValueError):
            return False
        return isinstance(told, dict) and told.get("status") == "ok" and told.get("process") == pid
