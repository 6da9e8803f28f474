"""What MJML allows where: which attributes an element has, with which values, and what may stand inside it.

As the validator of MJML 4 says (documentation.mjml.io); the compiler that is used here drops what it does not know
without a word, and a mail would look otherwise than its author meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from clm.content.mjml_values import unfit
from clm.content.source import line_at
from clm.domain.nearest import nearest

_PADDING = "padding padding-bottom padding-left padding-right padding-top"
_BORDER = "border border-bottom border-left border-radius border-right border-top"
_BACKGROUND = (
    "background-color background-position background-position-x background-position-y background-repeat"
    " background-size background-url"
)
_FONT = "font-family font-size font-style font-weight"
_ICONS = (
    "border font-family icon-align icon-height icon-position icon-unwrapped-alt icon-unwrapped-url icon-width"
    " icon-wrapped-alt icon-wrapped-url"
)
_BAND = f"{_BACKGROUND} {_BORDER} {_PADDING} direction full-width text-align text-padding"
_EVERYWHERE = frozenset({"css-class", "mj-class"})

_ATTRIBUTES: Mapping[str, str] = {
    "mjml": "lang dir owa",
    "mj-body": "background-color width",
    "mj-head": "",
    "mj-attributes": "",
    "mj-breakpoint": "width",
    "mj-font": "href name",
    "mj-include": "path",
    "mj-preview": "",
    "mj-raw": "position",
    "mj-style": "inline",
    "mj-title": "",
    "mj-hero": f"{_PADDING} background-color background-height background-position background-url background-width"
    " border-radius container-background-color height inner-background-color inner-padding inner-padding-bottom"
    " inner-padding-left inner-padding-right inner-padding-top mode vertical-align",
    "mj-button": f"{_BORDER} {_FONT} {_PADDING} align background-color color container-background-color height href"
    " inner-padding letter-spacing line-height name rel target text-align text-decoration text-transform title"
    " vertical-align width",
    "mj-column": f"{_BORDER} {_PADDING} background-color direction inner-background-color inner-border"
    " inner-border-bottom inner-border-left inner-border-radius inner-border-right inner-border-top vertical-align"
    " width",
    "mj-divider": f"{_PADDING} align border-color border-style border-width container-background-color width",
    "mj-group": "background-color direction vertical-align width",
    "mj-image": f"{_BORDER} {_PADDING} align alt container-background-color fluid-on-mobile font-size height href"
    " max-height name rel sizes src srcset target title usemap width",
    "mj-section": _BAND,
    "mj-wrapper": f"{_BAND} gap",
    "mj-spacer": f"border border-bottom border-left border-right border-top {_PADDING} container-background-color"
    " height",
    "mj-text": f"{_FONT} {_PADDING} align background-color color container-background-color height letter-spacing"
    " line-height text-decoration text-transform vertical-align",
    "mj-table": f"{_PADDING} align border cellpadding cellspacing color container-background-color font-family"
    " font-size font-weight line-height role table-layout vertical-align width",
    "mj-social": f"{_FONT} {_PADDING} align border-radius color container-background-color icon-height icon-padding"
    " icon-size inner-padding line-height mode table-layout text-decoration text-padding vertical-align",
    "mj-social-element": f"{_FONT} {_PADDING} align alt background-color border-radius color href icon-height"
    " icon-padding icon-position icon-size line-height name rel sizes src srcset target text-decoration text-padding"
    " title vertical-align",
    "mj-navbar": f"{_PADDING} align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size"
    " ico-line-height ico-open ico-padding ico-padding-bottom ico-padding-left ico-padding-right ico-padding-top"
    " ico-text-decoration ico-text-transform",
    "mj-navbar-link": f"{_FONT} {_PADDING} color href letter-spacing line-height name rel target text-decoration"
    " text-transform",
    "mj-accordion": f"{_ICONS} {_PADDING} container-background-color",
    "mj-accordion-element": f"{_ICONS} background-color",
    "mj-accordion-title": f"{_PADDING} background-color color font-family font-size font-weight",
    "mj-accordion-text": f"{_PADDING} background-color color font-family font-size font-weight letter-spacing"
    " line-height",
    "mj-carousel": f"{_PADDING} align border-radius container-background-color icon-width left-icon right-icon"
    " tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width thumbnails",
    "mj-carousel-image": "alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title",
}

_IN_A_COLUMN = (
    "mj-accordion mj-button mj-carousel mj-divider mj-image mj-raw mj-social mj-spacer mj-table mj-text mj-navbar"
)
_CHILDREN: Mapping[str, frozenset[str]] = {
    parent: frozenset(children.split()) | {"mj-include"}
    for parent, children in {
        "mjml": "mj-body mj-head mj-raw",
        "mj-head": "mj-attributes mj-breakpoint mj-font mj-preview mj-style mj-title mj-raw",
        "mj-body": "mj-raw mj-section mj-wrapper mj-hero",
        "mj-wrapper": "mj-hero mj-raw mj-section",
        "mj-section": "mj-column mj-group mj-raw",
        "mj-group": "mj-column mj-raw",
        "mj-column": _IN_A_COLUMN,
        "mj-hero": _IN_A_COLUMN,
        "mj-accordion": "mj-accordion-element mj-raw",
        "mj-accordion-element": "mj-accordion-title mj-accordion-text mj-raw",
        "mj-carousel": "mj-carousel-image",
        "mj-navbar": "mj-navbar-link mj-raw",
        "mj-social": "mj-social-element mj-raw",
        **dict.fromkeys(("mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-style"), ""),
    }.items()
}
_UNKNOWN_HERE = frozenset({"mj-html-attribute", "mj-html-attributes", "mj-selector"})
"""What MJML has and the compiler has not."""
ELEMENTS = frozenset({*_ATTRIBUTES, "mj-all", "mj-class"})
_ALLOWED = {name: frozenset(text.split()) | _EVERYWHERE for name, text in _ATTRIBUTES.items()}
_TAG = re.compile(r"<(/?)(mjml|mj-[\w-]+)((?:[^>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>")
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_VOID = frozenset({"mj-include", "mj-all", "mj-class"})


def problems(text: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) for each attribute, value and place that MJML does not know; `text` holds no Jinja.

    A part begins in the middle of a mail, so that what encloses its outermost elements is not judged.
    """
    inside: list[str] = []
    for tag in _TAG.finditer(text):
        closing, name, attributes, empty = tag.groups()
        line = line_at(text, tag.start())
        if closing:
            while name in inside and inside.pop() != name:
                pass
            continue
        if name in _UNKNOWN_HERE:
            yield line, f"`{name}` is not supported; give the element a `css-class` instead"
            continue
        if name not in ELEMENTS:
            yield line, f"there is no MJML element `{name}`{nearest(name, sorted(ELEMENTS))}"
            continue
        parent = inside[-1] if inside else None
        defaults = parent == "mj-attributes"
        pairs = [(attribute, one or other) for attribute, one, other in _ATTRIBUTE.findall(attributes)]
        if parent is not None and not defaults and parent in _CHILDREN and name not in _CHILDREN[parent]:
            yield line, f"`{name}` cannot stand in `{parent}`, MJML would drop it"
        elif name == "mj-button" and not defaults and not dict(pairs).get("href", "").strip():
            yield line, "`mj-button` has no `href`, so that it leads nowhere; give it a page of the brand"
        yield from ((line, told) for told in _told_of(name, pairs))
        if not empty and name not in _VOID:
            inside.append(name)


def _told_of(name: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    """What is wrong with the attributes of one element, given as name and value."""
    allowed = _ALLOWED.get(name)
    for attribute, count in Counter(attribute for attribute, _ in pairs).items():
        if allowed is not None and attribute not in allowed:
            yield f"`{name}` has no attribute `{attribute}`{nearest(attribute, sorted(allowed))}"
        elif count > 1:
            yield f"`{name}` has `{attribute}` {'twice' if count == 2 else f'{count} times'}; leave it there once"
    for attribute, value in pairs:
        if (allowed is None or attribute in allowed) and (told := unfit(name, attribute, value)):
            yield told
