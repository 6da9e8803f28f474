"""Links and pictures of a message: where they lead, and whether a reader can follow them and tell them apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html import unescape
from textwrap import shorten
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from clm.content.lint_placeholders import IN_LINK, REMEDY
from clm.content.problem import Problem
from clm.content.tags import ATTRIBUTES, IMAGE, TAG

HARMLESS = ("mailto:", "tel:", "sms:")
LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|%\}|jjx\d{5}xjj")
CLOSE_TAG = "look there for a brace or a percent sign too many or too few"
_WRITE_LINK = "write a whole address that begins with https://, or a page of the brand such as `{{ brand.links.shop }}`"
_NAME_IT = 'write words into it, or what its picture shows into `alt="…"`'
_URL = re.compile(r"https?://[^\s<>\"\u3000-\u303f\uff00-\uffef]+")
_GOES_ON_NOT = r"(?![./]?[\w%-])"
_ASTRAY = re.compile(r"[ \\]")
"""A blank, and what browsers take for a slash: `https://` and elsewhere, a backslash, `@shop.example`."""
_CLOSING = ".,;:!?)]»”’'…،؛؟۔।·"
_WRITE_HTTPS = "begin it with https://"
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PATH_MAX = 40
_WORDS_MAX = 200
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ANCHOR = re.compile(rf"<a\b({ATTRIBUTES})>(.*?)</a\s*>", re.DOTALL | re.IGNORECASE)
_NAME = re.compile(r"""\b(?:alt|aria-label|title)\s*=\s*(?:"\s*[^"\s][^"]*"|'\s*[^'\s][^']*')""", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_ALT = re.compile(r"\balt\b(?=\s*=|\s|/|$)", re.IGNORECASE)
_SRC = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TARGET = re.compile(r"\b(?:name|id)\s*=", re.IGNORECASE)
_HIDDEN = re.compile(r"""\baria-hidden\s*=\s*["']true""", re.IGNORECASE)


class Icon(NamedTuple):
    """A picture that MJML puts where a template gives none."""

    clue: str
    """The piece of a template that it comes from."""
    whose: str


_ICONS = {
    "bIXv1bk.png": Icon("</mj-accordion>", "`icon-wrapped-url` of `mj-accordion`"),
    "w4uTygT.png": Icon("</mj-accordion>", "`icon-unwrapped-url` of `mj-accordion`"),
    "xTh3hln.png": Icon("</mj-carousel>", "`left-icon` of `mj-carousel`"),
    "os7o9kz.png": Icon("</mj-carousel>", "`right-icon` of `mj-carousel`"),
}
_ICON_HOST = "https://i.imgur.com/"
_SOCIAL = re.compile(r"https://www\.mailjet\.com/images/theme/v1/icons/ico-social/([\w-]+)\.png")
_SHARES = re.compile(r"facebook\.com/sharer|twitter\.com/intent|linkedin\.com/shareArticle|pinterest\.com/pin/create")
_ADD = "add it to `link_hosts` of config/brand.yaml"
_OR_ADD = f"or {_ADD}"


def links_told(file: str, links: Collection[str], hosts: Collection[str]) -> Iterator[Problem]:
    """Links that lead nowhere or to strangers, that anybody on the way could read, or with a piece of the template.

    `hosts` are names; one that has `http://` before it may be led to without encryption, as this machine itself may.
    """
    for link in dict.fromkeys(links):
        if link.startswith(HARMLESS):
            continue
        parts = parts_of(link)
        if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or _ASTRAY.search(link):
            yield Problem(file, f"has a link that leads nowhere: `{shown(link)}`", _WRITE_LINK, "link", link)
        elif parts.netloc not in hosts and parts.hostname not in hosts:
            told = f"leads to {parts.hostname}, which is neither the brand's nor ours"
            own = "for your own page there write `-noshare` behind its name, such as `facebook-noshare`, and "
            yield Problem(file, told, f"{own if _SHARES.search(link) else ''}if it is meant, {_ADD}", "link", link)
        elif parts.scheme == "http" and parts.hostname not in _HERE and f"http://{parts.netloc}" not in hosts:
            told = f"leads to `{shown(link)}`, which anybody on the way can read and change"
            yield Problem(file, told, _WRITE_HTTPS, "link", link)
        elif LEFT_OVER.search(link):
            told = f"has a link with a piece of the template in it: `{shown(link)}`"
            yield Problem(file, told, CLOSE_TAG, "link", link)
        elif found := IN_LINK.search(link):
            told = f"has a link with a piece of the template in it: `{found[0]}`"
            yield Problem(file, told, REMEDY, "link", link)


def images_told(images: Collection[str], hosts: Collection[str]) -> Iterator[Problem]:
    """Pictures that no mail program would load, or that strangers would see being loaded."""
    for source in dict.fromkeys(images):
        parts = parts_of(source)
        if parts is None or parts.scheme != "https" or not parts.hostname:
            told = f"has an image that no mail program would load: `{shown(source)}`"
            yield Problem("body.mjml", told, "give it an address that begins with https://", "link", source)
        elif parts.netloc not in hosts and parts.hostname not in hosts:
            told = f"loads an image from {parts.hostname}, not the brand's"
            if icon := icon_of(source):
                remedy = f"it is MJML's own icon; give {icon.whose} one of the brand's, {_OR_ADD}"
                yield Problem("body.mjml", told, remedy, "source", icon.clue)
            else:
                yield Problem("body.mjml", told, f"if it is meant, {_ADD}", "link", source)


def icon_of(source: str) -> Icon | None:
    """Which icon of MJML's own an address is of; None where it is of none."""
    if found := _SOCIAL.match(source):
        return Icon(f'name="{found[1]}', "`src` of its `mj-social-element`")
    return _ICONS.get(source.rpartition("/")[2]) if source.startswith(_ICON_HOST) else None


def dead_links(html: str) -> Iterator[Problem]:
    """Links without a page, and those without a name for whoever hears the mail."""
    for attributes, inside in _ANCHOR.findall(_COMMENT.sub("", html)):
        href = _HREF.search(attributes)
        if href is None and not _TARGET.search(attributes):
            words = " ".join(unescape(TAG.sub(" ", inside)).split())
            yield Problem("body.mjml", f"has a link without `href`: `{shown(words)}`", _WRITE_LINK, "words", words)
        elif href is not None and not _is_named(attributes, inside):
            link = unescape(href[1] or href[2] or "")
            told = "has a link without words, which nobody sees and a screen reader cannot name"
            yield Problem("body.mjml", told, _NAME_IT, "nameless", link)


def nameless(html: str) -> Iterator[str]:
    """The addresses of links without words, and of pictures of which nothing is said."""
    yield from (one.clue for one in dead_links(html) if one.about == "nameless")
    for attributes in IMAGE.findall(_COMMENT.sub("", html)):
        if not _ALT.search(attributes) and (source := _SRC.search(attributes)):
            yield unescape(source[1] or source[2] or "")


def _is_named(attributes: str, inside: str) -> bool:
    if _HIDDEN.search(attributes) or _NAME.search(attributes) or _NAME.search(inside):
        return True
    return bool(unescape(TAG.sub("", inside)).strip())


def parts_of(link: str) -> SplitResult | None:
    """A link taken apart; None for what is none."""
    try:
        return urlsplit(link) if link else None
    except ValueError:
        return None


def shown(text: str) -> str:
    """A link without what is personal in it; other words whole, or up to a word that is not too far."""
    parts = parts_of(text)
    if parts and parts.netloc:
        path = parts.path
        return f"{parts.scheme}://{parts.netloc}{path[:_PATH_MAX]}{'…' if len(path) > _PATH_MAX else ''}"
    return shorten(text, _WORDS_MAX, placeholder=" …") if " " in text.strip() else text[:_WORDS_MAX]


def untagged(link: str) -> str:
    """A link without what only tells where it was followed: `utm_source=mail`."""
    page, question, query = link.partition("?")
    if parts := parts_of(page):
        page = parts._replace(netloc=parts.netloc.lower()).geturl()
    query, mark, fragment = query.partition("#")
    kept = "&".join(one for one in query.split("&") if not one.lower().startswith("utm_"))
    return page + (question + kept if kept else "") + mark + fragment


def is_in(text: str, link: str) -> bool:
    """Whether a text holds a link, and not only one to another page whose address begins as this one does."""
    return link in text and re.search(re.escape(link) + _GOES_ON_NOT, text) is not None


def urls(text: str) -> list[str]:
    """The links of a text, as mail programs find them; full-width marks end them, as spaces do."""
    return [found.rstrip(_CLOSING) for found in _URL.findall(text)]
