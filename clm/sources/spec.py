"""What config/sources.yaml says about each feed: where it lies and which column fills which field."""

from __future__ import annotations

import glob
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from clm.domain.atlas import zones
from clm.domain.nearest import nearest
from clm.domain.record import OWN_SOURCE, Feed
from clm.errors import ConfigurationError, Fault, SourceError
from clm.sources.fields import FIELDS, SYNONYMS, field_of
from clm.yaml_file import YamlFile

FILES_MAX: Final = 10_000
"""A pattern that matches more files than this is taken for a mistake."""

_VARIABLE: Final = re.compile(r"\$\{(\w*)\}")
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")


class FeedSpec(BaseModel):
    """One feed of one source: a file (or files) of contacts, orders, events or products, and how to read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    """The name of the shop or system; the ids in its feeds are unique within it."""

    feed: Feed
    path: str
    """A file, or a pattern such as `exports/orders-*.csv.gz`."""

    map: dict[str, str] = Field(default_factory=dict)
    """Field to column, where the column is not called like the field."""

    set: dict[str, str] = Field(default_factory=dict)
    """Field to fixed text, in which `{column}` stands for the row's value; `{{` is a brace."""

    time_zone: str = "UTC"
    """The zone of times that name none."""

    currency: str | None = None
    """The currency of orders and prices that name none; unset means the base currency of config/clm.yaml."""

    if_missing: Literal["fail", "skip"] = "fail"
    """Whether a file that is not there stops the pull."""

    @field_validator("set", mode="before")
    @classmethod
    def _scalars_as_text(cls, value: Any) -> Any:
        """YAML reads `true` and `7` as more than text; in a mapping they are meant as written."""
        if not isinstance(value, dict):
            return value
        return {key: json.dumps(item) if isinstance(item, (bool, int, float)) else item for key, item in value.items()}

    def files(self) -> list[Path]:
        """The files to read, in order of name; raises SourceError when there are none and `if_missing` is fail."""
        if not any(character in self.path for character in "*?["):
            found = [Path(self.path)] if Path(self.path).exists() else []
        else:
            found = sorted(Path(match) for match in glob.glob(self.path, recursive=True))  # noqa: PTH207 - absolute too
        if not found and self.if_missing == "fail":
            raise SourceError(
                f"{self.path}: there is no such file (source `{self.source}`, {self.feed}); "
                "correct the path, or set `if_missing: skip` in config/sources.yaml"
            )
        if len(found) > FILES_MAX:
            raise SourceError(f"{self.path}: matches {len(found):,} files, the maximum is {FILES_MAX:,}")
        return found

    def digest(self) -> str:
        """A short text that changes when the same file would be read differently."""
        ways = json.dumps([self.feed, self.map, self.set, self.time_zone, self.currency], sort_keys=True)
        return hashlib.sha256(ways.encode()).hexdigest()[:16]


def faults_in(spec: FeedSpec) -> list[tuple[tuple[str, ...], str]]:
    """What is wrong with `spec` before any file is opened: where in it, and what to do."""
    faults: list[tuple[tuple[str, ...], str]] = []
    if not _SOURCE.fullmatch(spec.source):
        faults.append((("source",), "must be a short name of letters, digits, `-`, `_` and `.`"))
    if spec.source == OWN_SOURCE:
        faults.append((("source",), f"`{OWN_SOURCE}` is what clm calls its own; name it otherwise"))
    if spec.time_zone not in zones():
        known = sorted(zones())
        faults.append((("time_zone",), f"`{spec.time_zone}` is no IANA time zone{nearest(spec.time_zone, known)}"))
    given: dict[str, str] = {}
    for part, names in (("map", spec.map), ("set", spec.set)):
        for name, value in names.items():
            field = field_of(name, spec.feed)
            if field is None:
                faults.append(((part, name), _unknown(name, value, spec.feed)))
            elif field in given:
                faults.append(((part, name), f"`{field}` is filled twice, here and by {given[field]}; keep one"))
            else:
                given[field] = f"`{part}: {name}`"
    return faults


def _unknown(name: str, value: str, feed: Feed) -> str:
    if field_of(value, feed) is not None:
        return f"`{name}` is not a field of {feed}, but `{value}` is: write the field first, `{value}={name}`"
    known = [*FIELDS[feed], *(other for other in SYNONYMS if field_of(other, feed))]
    return f"`{name}` is not a field of {feed}{nearest(name, known)} (fields: {', '.join(FIELDS[feed])})"


class _SourcesFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: list[FeedSpec]


def load_sources(path: Path, *, variables: dict[str, str]) -> list[FeedSpec]:
    """The feeds that `path` (config/sources.yaml) lists, with `${NAME}` in their paths filled from `variables`.

    Raises ConfigurationError with file, line and remedy of every fault, unknown fields in mappings among them.
    """
    yaml_file = YamlFile(path)
    listed = yaml_file.validate(_SourcesFile).sources
    faults: list[Fault] = []
    specs: list[FeedSpec] = []
    seen: set[tuple[str, str, str]] = set()
    for index, spec in enumerate(listed):
        here = ("sources", index)
        faults += [yaml_file.fault((*here, *place), message) for place, message in faults_in(spec)]
        unknown = [name for name in _VARIABLE.findall(spec.path) if name not in variables]
        for name in unknown:
            remedy = f"${{{name}}} is not known here (known: {', '.join(sorted(variables)) or 'none'})"
            faults.append(yaml_file.fault((*here, "path"), remedy))
        # Escaped, so that a folder named `shop [old]` is not taken for a pattern.
        filled = _VARIABLE.sub(lambda match: glob.escape(variables.get(match[1], "")), spec.path)
        key = (spec.source, spec.feed, filled)
        if key in seen:
            faults.append(yaml_file.fault(here, f"{spec.feed} of `{spec.source}` from this path are listed twice"))
        seen.add(key)
        specs.append(spec.model_copy(update={"path": filled}))
    if faults:
        raise ConfigurationError(faults)
    return specs
