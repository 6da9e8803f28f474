"""What words are made of beside a contact's own facts: what they bought, what goes with it, the code they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clm.engine.blocks import Blocks
from clm.store.database import Found, Transaction


@dataclass(frozen=True, slots=True)
class Material:
    """By contact and by message: names of the context (clm.content.context) with plain values."""

    by_contact: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    by_message: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, row: Found) -> dict[str, Any]:
        """What is known for the words of one message."""
        return {**self.by_contact.get(row.contact_id, {}), **self.by_message.get(row.id, {})}

    def beside(self, by_message: Mapping[int, Mapping[str, Any]]) -> Material:
        """The same, and more of some messages."""
        more = {one: {**self.by_message.get(one, {}), **said} for one, said in by_message.items()}
        return Material(self.by_contact, {**self.by_message, **more})


def gather(tx: Transaction, rows: Sequence[Found], blocks: Blocks) -> Material:
    """What the words of leased messages are made of."""
    return Material(by_message=blocks.of(tx, rows))
