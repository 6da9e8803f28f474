"""What is wrong with a page that cannot be made: the file, the line, and what to write instead where that is likely."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError

from clm.domain.nearest import nearest
from clm.errors import Fault

_MISSING = re.compile(r"has no attribute '([^']*)'|^'([^']*)' is undefined")


def page_fault(folder: Path, error: Exception, known: Mapping[str, Any] | None = None) -> Fault:
    """The fault of a page under `folder` whose making has raised `error`; `known` is what it was made with."""
    if isinstance(error, TemplateSyntaxError):
        return Fault(str(folder / (error.name or "")), f"is not Jinja: {error.message}", error.lineno)
    steps = [step for step in traceback.extract_tb(error.__traceback__) if Path(step.filename).parent == folder]
    if isinstance(error, TemplateNotFound) and not steps:
        return Fault(str(folder / (error.name or "")), "does not exist; a page of customers is made of it")
    file, line = (steps[-1].filename, steps[-1].lineno) if steps else (str(folder), None)
    if isinstance(error, TemplateNotFound):
        return Fault(file, f"asks for the file `{error.name}`, which does not exist", line)
    if match := _MISSING.search(str(error)):
        name = match[1] or match[2]
        return Fault(file, f"asks for `{name}`, which is not there{nearest(name, {*_names(known)} - {name})}", line)
    return Fault(file, f"cannot be made: {type(error).__name__}: {error}", line)


def _names(values: Any) -> Iterator[str]:
    """The names of values, and of those within them."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield str(name)
            yield from _names(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _names(value)
