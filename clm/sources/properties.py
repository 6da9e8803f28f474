"""What an event says beyond who, what and when: a JSON object that both databases can look into.

| refused | because |
|---|---|
| not-a-number, infinity, numbers beyond 10^300 | PostgreSQL's jsonb, and numbers of 64 bits, have no such |
| the NUL character, half of a surrogate pair | no text of PostgreSQL has them |
| lists and objects more than 50 deep | SQLite's functions give up on deep ones, and then on the whole statement |
| a `score` of an answered survey, or a `value` of a basket, that is no number | conditions compare them |
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from clm.sources import values

PROPERTIES_CHARACTERS_MAX: Final = 16_384
DEPTH_MAX: Final = 50
NUMBER_MAX: Final = 10**300

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # in JSON text
_NUMBERS: Final = {"survey_answered": "score", "cart_updated": "value"}
"""Events with a property that is a number whatever the file writes it as; in CSV everything is text."""


def read_object(value: Any) -> dict[str, Any] | None:
    """A JSON object, as it is in JSON lines and Parquet or as text in CSV; raises ValueError for anything else."""
    found = read_nested(value)
    if found is not None and not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    # A copy, because columns are put into it.
    return None if found is None else dict(found)


def read_nested(value: Any) -> Any:
    """A list or object as it is in JSON lines and Parquet, or as JSON text in CSV."""
    if isinstance(value, (list, dict)):
        return value
    text = values.plain_text(value, maximum=values.NESTED_CHARACTERS_MAX)
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def kept(name: str, properties: dict[str, Any]) -> str:
    """The JSON text that is stored of an event called `name`; raises ValueError for what no database could keep."""
    if name in _NUMBERS:
        properties = _with_number(properties, _NUMBERS[name])
    _check(properties, DEPTH_MAX)
    try:
        text = json.dumps(properties, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str)
        text.encode()
    except (ValueError, TypeError) as error:
        raise ValueError(f"cannot be kept as JSON: {error}") from None
    if len(text) > PROPERTIES_CHARACTERS_MAX:
        raise ValueError(f"is longer than {PROPERTIES_CHARACTERS_MAX:,} characters")
    if "\\u0000" in text and _NUL.search(text):
        raise ValueError("contains a control character")
    return text


def _with_number(properties: dict[str, Any], key: str) -> dict[str, Any]:
    try:
        number = values.amount(properties.get(key))
    except ValueError as error:
        raise ValueError(f"has a `{key}` that {error}") from None
    if number is None:
        return {name: value for name, value in properties.items() if name != key}
    whole = number == number.to_integral_value()
    return properties | {key: int(number) if whole else float(number)}


def _check(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list, tuple)):
        if depth == 0:
            raise ValueError(f"has lists or objects more than {DEPTH_MAX} deep")
        for part in value.values() if isinstance(value, dict) else value:
            _check(part, depth - 1)
    elif isinstance(value, int) and abs(value) > NUMBER_MAX:
        raise ValueError("holds a number that is too large")
