"""What a template may say, checked in its source, with the line of every fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError, nodes

from clm.content.plurals import wrong_forms
from clm.content.sandbox import dotted
from clm.domain.nearest import nearest
from clm.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clm.content.sandbox import Sandbox

LOOPS_DEEP_MAX = 2  # with lists as short as ours and ranges of 100, no template runs for long

Vocabulary = Mapping[str, Any]
"""Names a template knows; a mapping lists the fields inside a name, anything else leaves them open."""

_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Include)
_EXPRESSIONS = (
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call),
    *(nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
)
_INSIDE = "names beginning with `_` are not for templates; these hold plain values only, so use a filter"
_PART = re.compile(r"_base/[a-z0-9_]+\.txt")


def template_faults(
    source: str, *, file: str, sandbox: Sandbox, vocabulary: Vocabulary, parts_allowed: bool
) -> list[Fault]:
    """Everything wrong in one template's source; `parts_allowed` says whether it may include `_base/` parts.

    The folder of `file` is the language of its words; a part for all languages has none.
    """
    try:
        tree = sandbox.parse(source)
    except TemplateSyntaxError as error:
        return [Fault(file, f"is not Jinja: {error.message}", error.lineno)]
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    locale = PurePosixPath(file).parent.name
    reader = _Reader(sandbox, vocabulary, own, locale=locale, parts_allowed=parts_allowed)
    found = dict.fromkeys(reader.problems(tree, loops=0))  # once each, in order
    return [Fault(file, message, line) for line, message in found]


class _Reader:
    """Walks one template; yields (line, what is wrong)."""

    def __init__(
        self, sandbox: Sandbox, vocabulary: Vocabulary, own: set[str], *, locale: str, parts_allowed: bool
    ) -> None:
        self._sandbox = sandbox
        self._vocabulary = vocabulary
        self._own = own
        self._locale = locale
        self._parts_allowed = parts_allowed

    def problems(self, node: nodes.Node, *, loops: int) -> Iterator[tuple[int, str]]:
        if message := self._problem(node, loops):
            yield node.lineno, message
            return
        if isinstance(node, nodes.Filter) and node.name == "plural":
            for told in wrong_forms([str(given.key) for given in node.kwargs], self._locale):
                yield node.lineno, told
        loops += isinstance(node, nodes.For)
        callee = node.node if isinstance(node, nodes.Call) else None
        for child in node.iter_child_nodes():
            if child is not callee:
                yield from self.problems(child, loops=loops)

    def _problem(self, node: nodes.Node, loops: int) -> str | None:
        message: str | None = None
        match node:
            case nodes.Filter() if node.name not in self._sandbox.filters:
                message = f"there is no filter `{node.name}`{nearest(node.name, list(self._sandbox.filters))}"
            case nodes.Test() if node.name not in self._sandbox.tests:
                message = f"there is no test `{node.name}`{nearest(node.name, list(self._sandbox.tests))}"
            case nodes.Call() if dotted(node.node) != ("range",):
                message = "templates call nothing but `range`; use a filter"
            case nodes.For() if node.recursive or loops >= LOOPS_DEEP_MAX:
                message = f"loops stand at most {LOOPS_DEEP_MAX} deep and never call themselves"
            case nodes.Include():
                message = self._include_problem(node)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem() if path := dotted(node):
                message = self._name_problem(path, node.ctx)
            case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str(name))) if name.startswith("_"):
                message = f"`{name}`: {_INSIDE}"
            case _ if not isinstance(node, _STATEMENTS + _EXPRESSIONS):
                message = f"`{type(node).__name__.lower()}` is not part of the template language"
        return message

    def _include_problem(self, node: nodes.Include) -> str | None:
        if not self._parts_allowed:
            return "`include` works in text files alone, for parts in `_base/`; MJML has <mj-include>"
        if not isinstance(node.template, nodes.Const) or not _PART.fullmatch(str(node.template.value)):
            return "`include` takes the name of a part, such as '_base/footer.txt'"
        return None

    def _name_problem(self, path: tuple[str, ...], ctx: str) -> str | None:
        name = path[0]
        if ctx == "store":
            return f"`{name}` is given from outside and can't be set" if name in self._vocabulary else None
        if any(part.startswith("_") for part in path):
            return f"`{'.'.join(path)}`: {_INSIDE}"
        if name in self._own or name in {"loop", "range"}:
            return None
        fields: Any = self._vocabulary
        for depth, part in enumerate(path):
            if not isinstance(fields, Mapping):
                return None
            if part not in fields:
                known = nearest(part, list(fields)) or f" (known: {', '.join(fields)})"
                return f"there is no `{'.'.join(path[: depth + 1])}`{known}"
            fields = fields[part]
        return None
