"""Reads config/segments.yaml: named conditions, which may speak of one another but not in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from clm.domain.condition import Condition
from clm.domain.condition_parser import parse_condition
from clm.domain.language import ConditionError, Language
from clm.domain.naming import Name
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import YamlFile

SEGMENTS_MAX = 200


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentRow(_Strict):
    """One segment as marketers write it."""

    title: str = Field(min_length=1, max_length=200)
    when: str


class SegmentsFile(_Strict):
    """config/segments.yaml."""

    segments: dict[Name, SegmentRow] = Field(default_factory=dict, max_length=SEGMENTS_MAX)


@dataclass(frozen=True, slots=True)
class Segment:
    """A named condition over the facts of a contact."""

    name: str
    title: str
    text: str
    condition: Condition


class _Named(Mapping[str, Condition]):
    """Conditions by name, each read when it is first asked for, so that their order in the file does not matter."""

    def __init__(self, rows: Mapping[str, SegmentRow], language: Language) -> None:
        self._rows = rows
        self._language = replace(language, segments=self)
        self._read: dict[str, Condition] = {}
        self._reading: list[str] = []

    def __getitem__(self, name: str) -> Condition:
        if name not in self._read:
            if name in self._reading:
                circle = " → ".join([*self._reading[self._reading.index(name) :], name])
                raise ConditionError(f"segments go round in a circle: {circle}")
            self._reading.append(name)
            try:
                self._read[name] = parse_condition(self._rows[name].when, self._language)
            finally:
                self._reading.pop()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class _Any(Mapping[str, Condition]):
    """The segments of a faulty file: every name may be one of them."""

    _anybody = parse_condition("order_count >= 0", Language())

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Condition:
        return self._anybody

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


ANY_SEGMENT: Mapping[str, Condition] = _Any()
"""What a faulty file's segments are taken for, so that its faults are not told of every file that names one."""


def load_segments(folder: Path, language: Language) -> dict[str, Segment]:
    """The segments under `folder` by name; none where there is no segments.yaml.

    Raises ConfigurationError listing every fault.
    """
    path = folder / "segments.yaml"
    if not path.exists():
        return {}
    file = YamlFile(path)
    rows = file.validate(SegmentsFile).segments
    named = _Named(rows, language)
    found: dict[str, Segment] = {}
    faults: list[Fault] = []
    for name, row in rows.items():
        try:
            found[name] = Segment(name, row.title, row.when, named[name])
        except ConditionError as error:
            faults.append(file.fault(("segments", name, "when"), str(error), offset=error.offset))
    if faults:
        raise ConfigurationError(faults)
    return found
