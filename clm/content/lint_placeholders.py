"""Placeholders that only other programs fill in: `*|FNAME|*`, `[First Name]`; here they would be sent as they are.

Told are those that are nothing else in a letter: marks that no prose has, or a name that such programs use between
marks that prose has, too. What stands as an example of code, in `<code>` or between backticks, is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from clm.content.lint_holes import prose
from clm.content.problem import Problem
from clm.content.tags import ATTRIBUTES

_GAP = r"[\s\u200c_.-]?"
_OWNERS = "brand|client|company|contact|customer|member|product|recipient|shop|store|subscriber|user"
_NAMES = (
    rf"(?:(?:your|the)\s)?(?:(?:first|full|given|last|middle|{_OWNERS}){_GAP})?name",
    rf"(?:{_OWNERS})['’]s\sname|[fl]name|surname|company",
    rf"(?:coupon|discount|promo|voucher){_GAP}code|(?:order|tracking){_GAP}(?:number|id)",
    r"имя(?:\s(?:клиента|получателя|подписчика|покупателя|пользователя))?|фамилия|ваше\sимя|название\sкомпании",
    rf"نام(?:{_GAP}(?:کوچک|خانوادگی|مشتری|کاربر|کاربری|گیرنده|شرکت|شما))?",
    r"(?:ال)?اسم(?:\s(?:الأول|الأخير|الكامل|العميل|المستلم|المستخدم|الشركة|العائلة))?|اسمك",
    r"(?:ใส่)?ชื่อ(?:\s?(?:ลูกค้า|ผู้รับ|สมาชิก|จริง|บริษัท|ของคุณ|คุณ))?|นามสกุล",
)
_NAME = f"(?:{'|'.join(_NAMES)})"
_FIELD = rf"(?:{_NAME}|first|last|email(?:{_GAP}address)?|code|coupon|phone|unsubscribe(?:{_GAP}(?:link|ur[il]))?)"
"""What stands between other marks than brackets, which around `Unsubscribe` may be there for their looks."""
_OURS = r"(?:brand|contact|coupon|customer|facts|last_order|links|points|products|subscriber|survey|user)\.[\w.]+"
_OR = r"(?:\s?\|[^{}\n]{0,60})?"
_GAPS = r"\s{0,3}"
_ANYWHERE = (
    r"\*\|[^\s|*][^|*\n]{0,60}\|\*",
    r"%%=?[^\W\d][\w.()@ ]{0,60}=?%%",
    rf"(?<![\w%])%(?:{_FIELD})%(?![\w%])",
    rf"(?<![{{\w])[$#]?\{{[$!]?{_GAPS}(?:{_OURS}|(?:\w{{1,40}}\.){{0,3}}{_FIELD}){_OR}{_GAPS}\}}(?!\}})",
)
_IN_WORDS = (
    rf"<<{_GAPS}{_NAME}{_GAPS}>>",
    rf"\[{{1,2}}%?{_GAPS}(?:(?:add|enter|insert)\s)?{_NAME}(?:\shere)?{_GAPS}%?\]{{1,2}}(?!\()",
)
"""In an address, brackets may be what the page there wants: `?filter[name]=tea`."""
IN_LINK = re.compile("|".join(_ANYWHERE), re.IGNORECASE)
_PLACEHOLDER = re.compile("|".join((*_ANYWHERE, *_IN_WORDS)), re.IGNORECASE)
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_CODE = re.compile(rf"<(code|kbd|pre|samp)\b{ATTRIBUTES}>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_ALT = re.compile(r'\balt="([^"]*)"')
_TICKED = re.compile(r"`[^`\n]*`")
REMEDY = "write the value that is meant between two braces, as in `{{ contact.first_name }}`"


def placeholders(file: str, text: str) -> Iterator[Problem]:
    """Each placeholder in the words of a file, once; `text` of `body.mjml` is its HTML. Links are judged elsewhere."""
    if file == "body.mjml":
        text = "\n".join((prose(_CODE.sub(" ", text)), *map(unescape, _ALT.findall(text))))
    for shown in dict.fromkeys(_found(text)):
        told = f"shows a piece of the template: `{' '.join(shown.split())}`"
        yield Problem(file, told, REMEDY, "source", shown)


def lines_with(placeholder: str, source: str) -> Iterator[int]:
    """The numbers of the lines of a source, be it text or MJML, that hold a placeholder."""
    for number, line in enumerate(source.split("\n"), 1):
        if placeholder in _found(unescape(line)):
            yield number


def _found(text: str) -> list[str]:
    said = _ADDRESS.sub(_blank, _TICKED.sub(_blank, text))
    return [found[0] for found in _PLACEHOLDER.finditer(said)]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
