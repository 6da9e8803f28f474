"""What somebody looks for in the inbox, kept here under a name of chance, so that no address stands in an address."""

from __future__ import annotations

import secrets
import threading

KEPT_MAX = 1_000


class Searches:
    """The last searches, in the memory of this process: a result can be paged through, and gone back to."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._lock = threading.Lock()

    def keep(self, words: str) -> str:
        """The name to ask for the words by."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._words[name] = words
            if len(self._words) > KEPT_MAX:
                del self._words[next(iter(self._words))]
        return name

    def words(self, name: str) -> str | None:
        """The words; None where they are forgotten."""
        return self._words.get(name)
