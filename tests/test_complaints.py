"""What is wrong with a value of a file, in the words of whoever writes the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, EmailStr, Field

import clm.engine.workspace  # every file's model with it  # noqa: F401
from clm.complaint import PATTERNS
from clm.domain.campaign import Duration
from clm.errors import ConfigurationError
from clm.yaml_file import read_yaml


class _Row(BaseModel):
    """A setting of each kind."""

    status: Literal["draft", "live", "paused"] = "draft"
    priority: int = Field(default=1, ge=1, le=100)
    price: float = Field(default=1, gt=0)
    amount: Decimal = Decimal(1)
    on: bool = False
    title: Annotated[str, Field(min_length=1, max_length=20)] = "a"
    prefix: str = Field(default="AB", pattern=r"^[A-Z0-9]{2,12}$")
    day: date = date(2027, 4, 5)
    several: list[int] = Field(default=[1, 2], min_length=2, max_length=3)
    mail: EmailStr = "a@shop.example"
    by_channel: dict[Literal["email", "sms"], int] = {}
    within: Duration = 0


def _told(folder: Path, text: str) -> list[str]:
    path = folder / "row.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_yaml(path, _Row)
    return [f"{fault.field}: {fault.message}" for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("status: lve", "status: `lve` is not known here; did you mean `live`? (known: draft, live, paused)"),
        ("status: on", "status: `on` is not known here; write `draft`, `live` or `paused`"),
        ("status:", "status: is left empty; write `draft`, `live` or `paused`"),
        ("status: [live]", "status: a list is not known here; write `draft`, `live` or `paused`"),
        ("priority: 101", "priority: `101` is too much; write 100 or less"),
        ("priority: 0", "priority: `0` is too little; write 1 or more"),
        ("priority: high", "priority: `high` is no whole number; write one such as 3"),
        ("priority: 1.5", "priority: `1.5` is no whole number; write one such as 3"),
        ("price: -0.5", "price: `-0.5` is too little; write more than 0"),
        ("price: .nan", "price: `.nan` is no number; write one such as 2.5"),
        ("amount: much", "amount: `much` is no number; write one such as 2.5"),
        ("on: perhaps", "on: `perhaps` is neither yes nor no; write true or false"),
        ("title: 007", "title: `007` is no text; write words, in quotes where they begin with a digit or a sign"),
        ('title: ""', "title: is empty; write something"),
        (f"title: {'long ' * 30}", f"title: `{'long ' * 11}long…` is too long; write 20 characters at most"),
        (
            "prefix: tea",
            "prefix: `tea` is no beginning for codes; write 2 to 12 capital letters or digits, ",
        ),
        ("day: soon", "day: `soon` is no date; write one such as 2027-04-05"),
        ("several: [1]", "several: holds 1; write 2 or more"),
        ("several: []", "several: holds nothing; write 2 or more"),
        ("several: [1, 2, 3, 4]", "several: holds 4; write 3 at most"),
        ("several: 1", "several: `1` is no list; write its lines with `- ` before each, or [one, two]"),
        ("mail: shop", "mail: `shop` is no e-mail address; write one such as hello@shop.example (An email address"),
        ("several: {a: 1}", "several: `key: value` is no list; write its lines with"),
        (f"within: {'x' * 90}", f"within: `{'x' * 59}…` is not a duration; write 30m, 4h, 6d or 2w"),
        ("by_channel: {smz: 3}", "by_channel.smz: `smz` is not known here; did you mean `sms`? (known: email, sms)"),
    ],
)
def test_a_value_is_told_with_what_was_given_and_a_remedy(tmp_path: Path, written: str, says: str) -> None:
    """As it stands in the file, and never the whole of a long one."""
    [told] = _told(tmp_path, written)
    assert told.startswith(says)


def _patterns(schema: Any) -> Iterator[str]:
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list | tuple) else ()
    if isinstance(schema, dict) and schema.get("type") == "str" and "pattern" in schema:
        yield schema["pattern"]
    for part in parts:
        yield from _patterns(part)


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in model.__subclasses__():
        yield one
        yield from _models(one)


def test_every_pattern_of_a_setting_has_words() -> None:
    """Nobody who writes a file is shown a regular expression; and no words are kept of patterns that are gone."""
    used = {
        pattern
        for model in _models(BaseModel)
        if model.__module__.startswith("clm.")
        for pattern in _patterns(model.__pydantic_core_schema__)
    }
    assert used == set(PATTERNS)
