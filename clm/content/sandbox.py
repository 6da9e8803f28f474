"""The sandbox templates run in: plain values in, words out, no method, no attribute, no call on the way.

clm.content.grammar refuses most faults when the templates are loaded; here is what only running can tell.
"""

from __future__ import annotations

from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from clm.content import formats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jinja2.runtime import Context

RANGE_MAX = 100

# Not here: attr, format, safe, and all that repeat or pad (indent, center, batch, …).
_FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "join", "last", "length"),
    *("lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr"),
    *("sort", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode"),
)
_LOOP_FIELDS = frozenset({"index", "index0", "revindex", "first", "last", "length"})
_NUMBERS_ONLY = frozenset({"*", "%", "**"})  # with texts they repeat and format: all memory gone in one expression


class MissingValueError(UndefinedError):
    """A template needs a value the context lacks: `name` in `owner`, which is part of the context or itself missing."""

    def __init__(self, message: str | None = None, *, owner: Any = missing, name: Any = None) -> None:
        super().__init__(message)
        self.owner = owner
        self.name = name


class Missing(StrictUndefined):
    """A value that is not there: only `default` and `is defined` may look at it, or at anything inside it."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedError
    ) -> None:
        if exc is UndefinedError:
            exc = partial(MissingValueError, owner=obj, name=name)
        super().__init__(hint, obj, name, exc)


def short_range(*bounds: int) -> range:
    """`range` of at most RANGE_MAX numbers."""
    found = range(*bounds)
    if len(found) > RANGE_MAX:
        raise SecurityError(f"range is longer than {RANGE_MAX}")
    return found


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with everything taken out that words don't need; one for HTML (`autoescape`), one for text."""

    intercepted_binops = _NUMBERS_ONLY

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=Missing,
            finalize=_printable,
            # Text is laid out by its lines, so a line with nothing but a tag must leave nothing behind.
            trim_blocks=not autoescape,
            lstrip_blocks=not autoescape,
        )
        own = {"money": formats.money, "number": formats.number, "date": formats.date_, "plural": formats.plural}
        self.filters = {**{name: FILTERS[name] for name in _FILTERS}, **own}
        self.globals = {"range": short_range}

    def compile_words(self, source: str | nodes.Template, constants: Mapping[str, Any]) -> Template:
        """`source` ready to render; what `constants` say is written into it once instead of looked up per message.

        A parsed `source` is changed by it.
        """
        return self.ready(self.code_of(source, constants))

    def code_of(self, source: str | nodes.Template, constants: Mapping[str, Any]) -> CodeType:
        """What `compile_words` makes a template of."""
        return self.compile(_Fold(constants).visit(self.parse(source) if isinstance(source, str) else source))

    def ready(self, code: CodeType) -> Template:
        """A template made of its code."""
        return Template.from_code(self, code, self.make_globals(None))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`, for keys of mappings alone, so that a fact may be called `items`."""
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, Undefined):
            return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]` for mappings, lists and texts; never an attribute."""
        if isinstance(obj, dict | list | tuple | str):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                return self.undefined(obj=obj, name=argument)
        if isinstance(obj, Undefined):
            return self.undefined(obj=obj, name=argument)
        return self.getattr(obj, str(argument))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - Jinja's own signature
        """True for `loop.index` and its like, the only attributes templates read."""
        return isinstance(obj, LoopContext) and attr in _LOOP_FIELDS

    def is_safe_callable(self, obj: Any) -> bool:
        """True for `range`, the only thing templates call."""
        return obj is short_range

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`*`, `%` and `**` between numbers."""
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"`{operator}` is not for these values; `*` and `%` take numbers")
        return super().call_binop(context, operator, left, right)


def _printable(value: Any) -> Any:
    """A list, an instant or `None` in the middle of a sentence is a fault, not words."""
    if isinstance(value, str | int | float | Undefined) and not isinstance(value, bool):
        return value
    raise formats.WrongValueError(f"a value of type {type(value).__name__} is not words; use a filter or a field of it")


class _Fold(NodeTransformer):
    """Puts constants in place of names: a mail names its brand's colours some sixty times."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._constants = constants

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - Jinja's visitor finds methods by node name
        return self._fold(node)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        folded = self._fold(node)
        return folded if isinstance(folded, nodes.Const) else self.generic_visit(node)

    def _fold(self, node: nodes.Name | nodes.Getattr) -> nodes.Node:
        path = dotted(node)
        value: Any = self._constants
        for name in path or ():
            value = value.get(name) if isinstance(value, dict) else None
        plain = path and node.ctx == "load" and type(value) in (str, int)
        return nodes.Const(value, lineno=node.lineno) if plain else node


def spoken_of(node: nodes.Node) -> Iterator[str]:
    """The names a template speaks of, with the field if there is one: `now`, `products.again`, `proof.rating`."""
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) and (path := dotted(node)):
        yield ".".join(path[:2])
        return
    for child in node.iter_child_nodes():
        yield from spoken_of(child)


def dotted(node: nodes.Node) -> tuple[str, ...] | None:
    """`("contact", "first_name")` for `contact.first_name`; None for what is not a plain path."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        before = dotted(node.node)
        return (*before, node.attr) if before else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = dotted(node.node)
        return (*before, node.arg.value) if before else None
    return None
