"""A provider to send to without sending anything: SendGrid and Twilio in a process of its own, on this machine.

```
with fake_provider(latency_ms=100) as provider:
    ...                     # SENDGRID_API_URL=provider.url, or TWILIO_API_URL
    provider.accepted()     # what it took, from its own log
```
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parent.parent
_ANSWER_SECONDS_MAX: Final = 10
_END_SECONDS_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the provider took."""

    provider: str
    id: str
    reference: str
    to: str
    at: int  # milliseconds
    told: Mapping[str, Any]
    """What came with it and goes back with its events: custom_args and categories, or the callback's address."""


@dataclass(frozen=True, slots=True)
class FakeProvider:
    """The provider's outside: where it is, what it took, and how it is told to behave."""

    url: str
    pid: int
    log: Path
    requests: Path
    """Every request as it came, where it was asked to keep them."""
    _control: str

    def accepted(self) -> list[Accepted]:
        """Everything it took, in order; a line that is being written at this moment is left out."""
        if not self.log.exists():
            return []
        lines = self.log.read_bytes().split(b"\n")[:-1]
        found = []
        for line in lines:
            told = json.loads(line)
            known = {name: told.pop(name) for name in ("provider", "id", "reference", "to", "at")}
            found.append(Accepted(**known, told=told))
        return found

    def behave(self, **changes: Any) -> None:
        """Answer otherwise from now on (benchmarks.fake_server.Behaviour)."""
        self._tell("/_behave", changes)

    def away(self) -> None:
        """Refuse every connection and cut those there are."""
        self._tell("/_away")

    def back(self) -> None:
        """Answer again, on the same port."""
        self._tell("/_back")

    def counts(self) -> dict[str, int]:
        """How many requests it has had, by what became of them."""
        return self._tell("/_log")

    def _tell(self, path: str, document: Mapping[str, Any] | None = None) -> dict[str, int]:
        data = json.dumps(document or {}).encode()
        with urllib.request.urlopen(self._control + path, data, timeout=_ANSWER_SECONDS_MAX) as answer:
            counts: dict[str, int] = json.load(answer)
            return counts


@contextmanager
def fake_provider(
    folder: Path | None = None, *, keep_requests: bool = False, **behaviour: Any
) -> Iterator[FakeProvider]:
    """Start one, wait until it answers, and end it afterwards; it ends too when this process is killed.

    Its files lie in `folder`, or in one that is gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="clm-provider-") as own:
        place = folder or Path(own)
        log, requests = place / "accepted.jsonl", place / "requests.http"
        options = {
            "log": str(log),
            "requests": str(requests) if keep_requests else None,
            "behaviour": behaviour,
        }
        command = [sys.executable, "-m", "benchmarks.fake_server", json.dumps(options)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()  # comes when it listens, or is empty when it has died
                if not line:
                    raise RuntimeError("the fake provider did not start")
                ports = json.loads(line)
                yield FakeProvider(
                    url=f"http://127.0.0.1:{ports['port']}",
                    pid=process.pid,
                    log=log,
                    requests=requests,
                    _control=f"http://127.0.0.1:{ports['control']}",
                )
            finally:
                process.terminate()
                try:
                    process.wait(_END_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    process.kill()
