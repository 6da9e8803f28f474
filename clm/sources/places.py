"""Countries, languages and time zones as standard codes, from what real files say."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global, parse_locale

from clm.domain.atlas import zones

_NOT_COUNTRIES: Final = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
"""CLDR territories that are no ISO 3166-1 alpha-2 country: unions, placeholders, exceptional reservations."""

_ODD_NAMES: Final[dict[str, str]] = {
    "america": "US",
    "bolivia, plurinational state of": "BO",
    "britain": "GB",
    "brunei darussalam": "BN",
    "burma": "MM",
    "cabo verde": "CV",
    "canary islands": "ES",
    "czech republic": "CZ",
    "eire": "IE",
    "el": "GR",  # the European Union's code for Greece
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "hong kong": "HK",
    "iran, islamic republic of": "IR",
    "islamic republic of iran": "IR",
    "ivory coast": "CI",
    "korea": "KR",  # shops that say only Korea mean the South
    "korea, republic of": "KR",
    "lao people's democratic republic": "LA",
    "macao": "MO",
    "macau": "MO",
    "macedonia": "MK",
    "moldova, republic of": "MD",
    "myanmar": "MM",
    "northern ireland": "GB",
    "palestine": "PS",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "rsa": "ZA",
    "russian federation": "RU",
    "scotland": "GB",
    "slovak republic": "SK",
    "swaziland": "SZ",
    "syrian arab republic": "SY",
    "taiwan, province of china": "TW",
    "tanzania, united republic of": "TZ",
    "the netherlands": "NL",
    "turkey": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "venezuela, bolivarian republic of": "VE",
    "viet nam": "VN",
    "wales": "GB",
}
# "Channel Islands" (Jersey or Guernsey) and "West Indies" (a dozen states) have no single code, so they are in no
# table and stay unknown, like "Unspecified".

_CACHED_MAX: Final = 4_096


def _key(text: str) -> str:
    plain = text.casefold().replace(".", "").replace("&", "and").replace("\u2019", "'").replace("-", " ")
    return " ".join(plain.split())


def _countries() -> dict[str, str]:
    names: dict[str, str] = {}
    for code, name in Locale("en").territories.items():
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES:
            names[_key(code)] = code
            names[_key(name)] = code
            names[_key(name.partition(" (")[0])] = code  # "Myanmar (Burma)" is also Myanmar
    for alias, codes in get_global("territory_aliases").items():
        # Alpha-3 codes; an alias of several countries (SUN, the Soviet Union) tells nothing.
        if len(alias) == 3 and alias.isalpha() and len(codes) == 1 and codes[0] in names.values():
            names[alias.casefold()] = codes[0]
    return names | {_key(name): code for name, code in _ODD_NAMES.items()}


_COUNTRIES: Final = _countries()
_ZONES: Final = zones() - {"Factory"}


@lru_cache(maxsize=_CACHED_MAX)
def country(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country's code or English name, or None when it names no single country."""
    return _COUNTRIES.get(_key(text))


@lru_cache(maxsize=_CACHED_MAX)
def locale(text: str) -> str:
    """A language tag in BCP 47's usual spelling, `pt_br` as `pt-BR`; raises ValueError for none that CLDR knows."""
    known = Locale("en")
    try:
        language, territory, script, _variant, *_ = parse_locale(text.replace("-", "_"))
    except ValueError:
        language, territory, script = "", None, None
    language = get_global("language_aliases").get(language, language)
    parts_known = (
        language in known.languages
        and (territory is None or territory in known.territories)
        and (script is None or script in known.scripts)
    )
    if not parts_known:
        raise ValueError(f"is not a language tag such as `fa` or `pt-BR`: `{text[:40]}`")
    return "-".join(part for part in (language, script, territory) if part)


def zone(text: str) -> str:
    """An IANA time zone such as `Asia/Tehran`; raises ValueError when there is none of that name."""
    if text not in _ZONES:
        raise ValueError(f"is not an IANA time zone such as `Asia/Tehran`: `{text[:40]}`")
    return text
