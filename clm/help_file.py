"""Reads config/help.yaml: questions that people ask about what they bought, answered in their own languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from clm.domain.naming import Locale
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import YamlFile

ENTRIES_MAX = 500
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class For(_Strict):
    """Whom an entry is for: those who bought last of a category, or one product; without either, everyone."""

    category: _Name | tuple[_Name, ...] | None = None
    """As the product feed or the orders name it, in the shop's own language."""
    product: _Name | tuple[_Name, ...] | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if self.category is None and self.product is None:
            raise ValueError("names neither a `category` nor a `product`; leave `for` out where it is for everyone")
        return self


class Words(_Strict):
    """A question and its answer in one language, without markup."""

    question: _Text
    answer: _Text


class Row(_Strict):
    """One entry as marketers write it."""

    for_: For | None = Field(default=None, alias="for")
    url: Annotated[str, StringConstraints(pattern=r"^https://[^\s\"'<>]+$", max_length=500)] | None = None
    words: Annotated[dict[Locale, Words], Field(min_length=1, max_length=100)]


class HelpFile(_Strict):
    """config/help.yaml."""

    help: tuple[Row, ...] = Field(default=(), max_length=ENTRIES_MAX)


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """A question with its answer by locale, and whom it is for."""

    categories: frozenset[str]
    products: frozenset[str]
    url: str | None
    words: Mapping[str, tuple[str, str]]
    """Question and answer by locale."""

    def fit(self, products: set[str], categories: set[str]) -> int:
        """How well it suits who bought these last: 3 for the product, 2 for the category, 1 for everyone, 0 not."""
        if self.products & products:
            return 3
        if self.categories & categories:
            return 2
        return 0 if self.products or self.categories else 1


def load_help(folder: Path) -> tuple[HelpEntry, ...]:
    """The entries under `folder`, in order; none where there is no help.yaml.

    Raises ConfigurationError listing every fault.
    """
    path = folder / "help.yaml"
    if not path.exists():
        return ()
    file = YamlFile(path)
    rows = file.validate(HelpFile).help
    faults = _asked_twice(file, rows)
    if faults:
        raise ConfigurationError(faults)
    return tuple(
        HelpEntry(
            categories=_names(row.for_.category) if row.for_ else frozenset(),
            products=_names(row.for_.product) if row.for_ else frozenset(),
            url=row.url,
            words={locale: (words.question, words.answer) for locale, words in row.words.items()},
        )
        for row in rows
    )


def _names(given: str | tuple[str, ...] | None) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given or ())


def _asked_twice(file: YamlFile, rows: tuple[Row, ...]) -> list[Fault]:
    """One question under two entries would be answered twice in one letter."""
    seen: dict[tuple[str, str], int] = {}
    faults = []
    for index, row in enumerate(rows):
        for locale, words in row.words.items():
            first = seen.setdefault((locale, words.question), index)
            if first != index:
                message = f"asks what entry {first + 1} asks too; keep one"
                faults.append(file.fault(("help", index, "words", locale, "question"), message))
    return faults
