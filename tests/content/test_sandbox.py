"""A template says words; whatever else it tries is refused when loaded, or stops its own message alone."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.exceptions import SecurityError
from markupsafe import Markup

from clm.content.sandbox import Sandbox
from clm.errors import ConfigurationError, RenderError

from .conftest import Desk, persona

ESCAPES = [
    # The ways out of Jinja2's sandbox published since 2016, and their neighbours.
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    "{{ contact['__cla' + 'ss__'] }}",
    "{{ contact.__class__ }}",
    "{{ contact.first_name.__class__.__base__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ contact.first_name|attr('__class__')|attr('__base__') }}",
    "{{ ['']|map(attribute='__class__')|list }}",
    "{{ ['']|map(attribute='__class__.__mro__')|first }}",
    "{{ ['']|map('attr', '__class__')|list }}",
    "{{ ['']|selectattr('__class__')|list|length }}{{ ''|attr }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ dict.mro() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ request }}{{ config.items() }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ range.__class__ }}",
    "{{ range.__init__.__globals__ }}",
    "{{ loop.__init__.__globals__ }}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop['_iterable'] }}{% endfor %}",
    "{% for x in [1] %}{{ loop._recurse }}{% endfor %}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format_map({}) }}",
    "{{ ('{0.__class__}'|string).format('') }}",
    "{{ '%s'|format(contact) }}",
    "{{ '%(__class__)s' % contact }}",
    "{{ ''.join(['a']) }}",
    "{{ contact.first_name.upper() }}",
    "{{ contact.first_name.upper }}",
    "{{ contact.update({'first_name': 'x'}) }}",
    "{{ last_order.products.append(1) }}",
    "{{ last_order.products.append }}",
    "{{ now.replace(year=1) }}",
    "{{ now.tzinfo }}",
    "{{ '<b>'|safe }}",
    "{{ '<b>'|xmlattr }}",
    "{{ contact|pprint }}",
    "{{ contact|tojson }}",
    "{{ caller() }}",
    "{% set ns = namespace(x=1) %}{{ ns.x }}",
    "{% set x %}{{ contact.first_name }}{% endset %}{{ x }}",
    "{% import 'os' as os %}{{ os }}",
    "{% from '_base/head.mjml' import x %}",
    "{% include '../../../../etc/passwd' %}",
    "{% include '/etc/passwd' %}",
    "{% include '_base/../../config/brand.yaml' %}",
    "{% include contact.first_name %}",
    "{% extends '/etc/passwd' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% block x %}x{% endblock %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% with brand = 1 %}{{ brand }}{% endwith %}",
    "{% set brand = 1 %}{{ brand }}",
    "{% set _x = 1 %}{{ _x }}",
    "{% do contact.update({}) %}",
    "{% debug %}",
]

BOMBS = [
    "{% for x in range(10 ** 9) %}x{% endfor %}",
    "{% for x in range(999999999) %}x{% endfor %}",
    "{% for x in range(101) %}{% endfor %}{{ 1 }}",
    "{{ 'x' * 10000000000 }}",
    "{{ 10000000000 * 'x' }}",
    "{{ [1] * 10000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ '{:>1000000000}'.format('x') }}",
    "{{ [1]|batch(1000000000, 'x')|list }}",
    "{{ lipsum(100000) }}",
    "{{ range(100)|list|pprint }}",
    "{% for a in range(100) %}{% for b in range(100) %}{% for c in range(100) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}",
    "{% for a in range(100) %}{% for b in range(100) %}ten letters{% endfor %}{% endfor %}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_no_known_way_out_of_the_sandbox_opens(desk: Desk, template: str) -> None:
    """Every published escape is refused, as HTML and as text."""
    desk.mail(html=template)
    with pytest.raises((ConfigurationError, RenderError)):
        desk.render()
    desk.mail(text=template)
    with pytest.raises((ConfigurationError, RenderError)):
        desk.render()


@pytest.mark.parametrize("template", BOMBS)
def test_no_template_eats_the_machine(desk: Desk, template: str) -> None:
    """Endless loops and giant texts are refused or cut off; the test would never end otherwise."""
    with pytest.raises((ConfigurationError, RenderError)):
        desk.text(template)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ contact.first_name.upper() }}", "templates call nothing but `range`; use a filter"),
        (
            "{% for a in 'x' %}{% for b in 'x' %}{% for c in 'x' %}{% endfor %}{% endfor %}{% endfor %}x",
            "loops stand at most 2 deep",
        ),
        ("{% for a in range(3) recursive %}{% endfor %}x", "never call themselves"),
        ("{% macro m() %}{% endmacro %}x", "`macro` is not part of the template language"),
        ("{% set contact = 1 %}x", "`contact` is given from outside and can't be set"),
        ("{{ 'x' | safe }}", "there is no filter `safe`"),
        ("{{ contact._secret }}", "names beginning with `_` are not for templates"),
        ("{{ ''.__class__ }}", "`__class__`: names beginning with `_` are not for templates; these hold plain values"),
        ("{{ ('a' ~ 'b')['__class__'] }}", "`__class__`: names beginning with `_` are not for templates"),
        ("{% if 1 is filter %}x{% endif %}{% if 1 is tset %}{% endif %}", "there is no test `tset`"),
        ("{{ cycler }}", "there is no `cycler`"),
    ],
)
def test_what_reading_can_tell_is_refused_when_loaded(desk: Desk, template: str, fault: str) -> None:
    """Most of it never reaches a customer's message: loading names the line and what is wrong."""
    desk.mail(text=f"Hello\n{template}")
    with pytest.raises(ConfigurationError) as error:
        desk.library()
    assert "templates/welcome/hello/en/body.txt:2: " in str(error.value)
    assert fault in str(error.value)


@pytest.mark.parametrize(
    ("value", "attribute"),
    [("", "__class__"), ("", "upper"), ([], "append"), (print, "__self__"), (persona, "__globals__"), (int, "mro")],
)
def test_the_sandbox_holds_without_the_grammar(value: Any, attribute: str) -> None:
    """Were a fault missed when loading, no attribute and no call would still be had at run time."""
    sandbox = Sandbox(autoescape=True)
    with pytest.raises(SecurityError):
        str(sandbox.getattr(value, attribute))
    with pytest.raises(SecurityError):
        sandbox.compile_words("{{ f() }}", {}).render(f=print)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% if facts.order_count > 1 and contact.country in ['GB', 'IE'] %}yes{% else %}no{% endif %}", "yes"),
        ("{% for p in last_order.products %}{{ loop.index }}. {{ p.name }}; {% endfor %}", "House Assam"),
        ("{{ last_order.products | map(attribute='name') | join(', ') }}", "House Assam, 250 g, Smoked paprika"),
        ("{{ (last_order.products | first).category }}", "tea"),
        ("{{ 'My rating: 5 / 5' | urlencode }}", "My%20rating%3A%205%20/%205"),
        ("{% set n = facts.order_count * 2 %}{{ n }}", "2408"),
        ("{{ contact.first_name | upper }} {{ contact['last_name'] }}", "AMINA Karimi"),
        ("{% for n in range(1, 6) %}{{ n }}{% endfor %}", "12345"),
        ("{{ brand.name }} {{ facts.last_rating * 2 }}", "Saffron & Sage 4"),
    ],
)
def test_what_words_need_is_there(desk: Desk, template: str, said: str) -> None:
    """Conditions, short loops and the usual filters work."""
    assert said in desk.text(template)


@pytest.mark.parametrize("name", ["items", "keys", "values", "get", "copy", "update", "pop"])
def test_a_value_may_be_called_like_a_method(desk: Desk, name: str) -> None:
    """A fact named like a method of Python's mappings is the fact."""
    context = persona()
    context["last_order"]["products"] = [{name: "Mint"}]
    assert desk.text("{% for p in last_order.products %}{{ p." + name + " }}{% endfor %}", context) == "Mint"


@pytest.mark.parametrize("value", [object(), Markup("<b>safe</b>"), print, persona, {1, 2}, b"bytes", 3 + 2j])
def test_a_context_holds_plain_values_alone(desk: Desk, value: Any) -> None:
    """An object with behaviour never reaches a template, not even a text that calls itself safe HTML."""
    desk.mail(html="Hello {{ contact.first_name }}")
    with pytest.raises(RenderError, match=r"contact\.first_name is of type \w+, which is not a plain value"):
        desk.render(persona(first_name=value))


def test_a_context_has_a_bottom(desk: Desk) -> None:
    """Values nested without end, or lists without end, are refused before a template sees them."""
    deep: dict[str, Any] = {}
    deep["more"] = deep
    desk.mail()
    with pytest.raises(RenderError, match="not a plain value"):
        desk.render(persona(last_name=deep))
    with pytest.raises(RenderError, match="more than 1,000 values"):
        desk.render(persona(last_name=["x"] * 1_001))


def test_a_reason_never_quotes_a_customer(desk: Desk) -> None:
    """Reasons are stored and logged, so a fault in a template shows its kind and not the value it met."""
    with pytest.raises(RenderError) as error:
        desk.text("{{ contact.first_name + 1 }}", persona(first_name="amina@private.example"))
    assert "amina" not in str(error.value)
    assert str(error.value) == "TypeError (templates/welcome/hello/en/body.txt)"
