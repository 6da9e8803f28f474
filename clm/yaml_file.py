"""YAML files read into checked models, with every fault at its file, line and column.

PyYAML keeps positions in its node tree but not in the values; pydantic keeps paths but not positions. Reading both
and joining them by path gives messages a marketer can follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from clm.complaint import in_plain_words, shown
from clm.domain.nearest import nearest
from clm.errors import ConfigurationError, Fault

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[int, int]  # line and column, from 1
Loc = tuple[int | str, ...]

MISSING = "is required"
NO_MAPPING = "is not `key: value` lines"

_BYTES_MAX = 1_000_000
_DEEP_MAX = 20
_VALUES_MAX = 100_000
"""More only come of anchors that repeat one another."""


class YamlFile:
    """A YAML mapping with the place of each of its keys and values."""

    def __init__(self, path: Path) -> None:
        """Read `path`; raises ConfigurationError when it is missing, not YAML, or not a mapping."""
        self.path = path
        self.places: dict[Loc, Place] = {}
        self._scalars: dict[Loc, yaml.ScalarNode] = {}
        self.faults: list[Fault] = []
        self._values = 0
        self._constructor = yaml.SafeLoader("")
        try:
            if path.stat().st_size > _BYTES_MAX:
                raise ConfigurationError([Fault(str(path), f"is larger than {_BYTES_MAX:,} bytes")])
            self._source = path.read_text(encoding="utf-8")
            node = _composed(self._source)
        except FileNotFoundError:
            raise ConfigurationError([Fault(str(path), "does not exist; `clm check` lists what is needed")]) from None
        except UnicodeDecodeError as error:
            raise ConfigurationError([Fault(str(path), f"is not UTF-8 text: {error.reason}")]) from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = (mark.line + 1, mark.column + 1) if mark else (None, None)
            raise ConfigurationError([Fault(str(path), f"is not YAML: {error.problem}", *place)]) from None
        except yaml.reader.ReaderError as error:
            raise ConfigurationError([Fault(str(path), f"is not YAML: {error.reason}")]) from None
        self.data: dict[str, Any] = {}
        if isinstance(node, yaml.MappingNode):
            self.data = self._value(node, ())
        elif node is not None:
            self.faults.append(Fault(str(path), "must hold `key: value` lines at the top", 1, 1))
        if self.faults:
            raise ConfigurationError(self.faults)

    def _value(self, node: yaml.Node, loc: Loc) -> Any:
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._values += 1
        if len(loc) > _DEEP_MAX or self._values > _VALUES_MAX:
            raise ConfigurationError([Fault(str(self.path), "nests too deeply, or repeats itself", *place)])
        self.places.setdefault(loc, place)
        if isinstance(node, yaml.ScalarNode):
            self._scalars[loc] = node
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
                self.places[(*loc, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                if key in found:
                    self.faults.append(self.fault((*loc, key), f"`{key}` is given twice; keep one"))
                found[key] = self._value(value_node, (*loc, key))
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*loc, index)) for index, item in enumerate(node.value)]
        try:
            return self._constructor.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError):  # a tag for Python objects, a 31st of February
            self.faults.append(Fault(str(self.path), f"cannot be read: {str(node.value)[:60]}", *place))
            return None

    def fault(self, loc: Loc, message: str, *, offset: int | None = None) -> Fault:
        """A fault at the key `loc`, or what is nearest around it; with `offset`, so many characters into its value."""
        around = loc
        while around and around not in self.places:
            around = around[:-1]
        line, column = self.places.get(around, (1, 1))
        if offset is not None and loc in self._scalars:
            line, column = self._inside(self._scalars[loc], offset)
        field = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
        return Fault(str(self.path), message, line, column, field or None)

    def _inside(self, node: yaml.ScalarNode, offset: int) -> Place:
        """Where the character at `offset` of a text stands in the file; folding changes nothing but white space."""
        source, at = self._source, node.start_mark.index
        if node.style in {">", "|"}:
            at = source.index("\n", at)  # the words begin below the sign
        elif node.style:
            at += 1
        left = sum(not character.isspace() for character in node.value[:offset])
        within = offset < len(node.value)
        while at < len(source) and (left or (within and source[at].isspace())):
            left -= not source[at].isspace()
            at += 2 if node.style == "'" and source[at : at + 2] == "''" else 1
        return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)

    def validate(self, model: type[Model]) -> Model:
        """The file as `model`; raises ConfigurationError with every fault."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise ConfigurationError(self.faults_of(error, model)) from None

    def faults_of(self, error: ValidationError, model: type[BaseModel], under: Loc = ()) -> list[Fault]:
        """Pydantic's complaints as faults with places and remedies."""
        faults = []
        for item in error.errors():
            loc: Loc = under + tuple(part for part in item["loc"] if part != "[key]")
            is_key = item["loc"][-1:] == ("[key]",)
            if item["type"] == "extra_forbidden":
                message = _unknown_key(str(loc[-1]), list(model.model_fields) if len(loc) == len(under) + 1 else [])
            elif item["type"] == "missing":
                message = MISSING
            elif item["type"] in {"model_type", "dict_type"}:
                message = NO_MAPPING
            else:
                scalar = None if is_key else self._scalars.get(loc)
                message = in_plain_words(item, None if scalar is None else scalar.value)
            faults.append(self.fault(loc, message))
        return faults


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read `path` as `model`; raises ConfigurationError with file, line, column and remedy of every fault."""
    return YamlFile(path).validate(model)


def _composed(source: str) -> yaml.Node | None:
    """The tree of a text, by libyaml, which is ten times as fast; what is wrong is told by PyYAML, in better words."""
    try:
        return yaml.compose(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return yaml.compose(source, Loader=yaml.SafeLoader)


def _unknown_key(key: str, known: list[str]) -> str:
    return f"`{shown(key)}` is not a setting{nearest(key, known)}" + (f" (known: {', '.join(known)})" if known else "")
