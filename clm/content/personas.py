"""Made-up readers to look at words with: all is known of them, half, or nothing; all is at its limit; they are no good.

Each is a context as `TemplateLibrary.render` takes it, complete for the names of clm.content.context.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from clm.content.brand import Brand
from clm.content.links import Purpose, sample_url
from clm.content.persona_words import Home, home
from clm.domain.fact import FACTS
from clm.domain.instant import from_ms
from clm.domain.offer import CODE_LETTERS, Offer, code_of

PERSONAS = ("all facts", "some facts", "no facts", "extremes", "hostile")

_NAME_CHARACTERS = 200  # as long as a source may tell it (clm.sources.values)
_LABEL_CHARACTERS = 500
_HUGE = 999_999_999
_HUGE_MONEY = 999_999_999_900
_CATEGORIES = ("Black tea", "Spices", "Herbal tea", "Teaware", "Spices")  # a shop's own words, in its own language
_PRICES = (950, 420, 1_050, 4_800, 1_290)
_SURVEY_WORDS = {
    "title": "How was it?",
    "lead": "It takes ten seconds.",
    "question": "How happy are you?",
    "low_end": "Poor",
    "high_end": "Excellent",
}
_HOSTILE = "<script>alert('x')</script>"
_HOSTILE_TEMPLATE = "{{7*7}}{% raw %}"
_HOSTILE_LABEL = "\u202e\"'><img src=x onerror=alert(1)> & {# not #} </td></table>"
_HOSTILE_COMMENT = f"{_HOSTILE}\n\nWHAT TO DO\n{_HOSTILE_TEMPLATE}"
_HOSTILE_COUNTRY = "ZZ"

Context = dict[str, Any]


def personas(
    locale: str, *, brand: Brand, currency: str, now: int, public_url: str | None = None
) -> dict[str, Context]:
    """Those of PERSONAS as readers of `locale`, at `now` (milliseconds since 1970 UTC).

    All carry a coupon and a survey, because these belong to a message and not to its reader; `carrying` puts those of
    a step in their place. Links begin with `public_url`, the brand's website where none is given.
    """
    made = _Made(locale, brand, currency, from_ms(now), (public_url or str(brand.website)).rstrip("/"))
    return {
        "all facts": made.all_facts(),
        "some facts": made.some_facts(),
        "no facts": made.no_facts(),
        "extremes": made.extremes(),
        "hostile": made.hostile(),
    }


def carrying(context: Context, *, coupon: Mapping[str, Any] | None, survey: Mapping[str, Any] | None) -> Context:
    """The same reader with a step's own coupon and survey, or with none where the step has none."""
    kept = {name: value for name, value in context.items() if name not in {"coupon", "survey"}}
    return kept | {name: value for name, value in (("coupon", coupon), ("survey", survey)) if value is not None}


def sample_code(offer: Offer) -> str:
    """A code as long as those that are made for an offer, which none of them is; of a pool nobody knows how long."""
    return code_of(offer.prefix or "TEA", ("SAMPLE" * CODE_LETTERS)[:CODE_LETTERS])


def sample_coupon(kind: str, locale: str, *, now: int, code: str = "TEA-7K4WQP", days: int = 7) -> dict[str, Any]:
    """What a template is told of a coupon of one of the kinds of offer, with made-up values."""
    place = home(locale)
    own: Mapping[str, Mapping[str, Any]] = {
        "percent": {"percent": 15},
        "amount": {"amount": 500},
        "points": {"points": 200},
        "gift": {"gift": place.gift},
        "draw_entry": {"draw": place.draw},
    }
    expires = from_ms(now) + timedelta(days=days)
    return {"code": code, "kind": kind, "days": days, "expires_at": expires, **own.get(kind, {})}


def sample_survey(
    name: str, values: Sequence[int], *, public_url: str, words: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a template is told of a survey whose marks are `values`, in its `words` or in some made-up ones."""
    url = sample_url(public_url, "survey")
    scores = [{"value": value, "url": f"{url}?a={value}"} for value in values]
    return {"name": name, "url": url, "scores": scores, **(_SURVEY_WORDS if words is None else words)}


class _Made:
    """Makes the readers of one locale."""

    def __init__(self, locale: str, brand: Brand, currency: str, now: datetime, public_url: str) -> None:
        self._locale = locale
        self._home: Home = home(locale)
        self._shop = str(brand.links.shop)
        self._currency = currency
        self._now = now
        self._public_url = public_url

    def all_facts(self) -> Context:
        """A good customer of whom everything is known."""
        goods = self._products(self._home.goods)
        return self._of_message("percent") | {
            "contact": self._contact(self._home.first_name, self._home.last_name, self._home.country),
            "facts": {
                "signed_up_at": self._ago(420),
                "first_order_at": self._ago(400),
                "first_order_id": "A-1031",
                "last_order_at": self._ago(12),
                "last_order_id": "A-2077",
                "order_count": 5,
                "revenue": 21_480,
                "revenue_365d": 17_230,
                "average_order_value": 4_296,
                "average_gap_days": 97.0,
                "last_gap_days": 61.5,
                "longest_gap_days": 140.0,
                "last_activity_at": self._ago(2),
                "email_consent": True,
                "sms_consent": True,
                "country": self._home.country,
                "locale": self._locale,
                "zone": self._home.zone,
                "acquisition_source": "friend",
                "born_on": self._now.replace(year=1988, day=min(self._now.day, 28)),
                "born_on_told_at": self._ago(300),
                "next_order_expected_at": self._now + timedelta(days=3),
                "open_tickets": 1,
                "last_rating": 2.0,
                "last_rated_at": self._ago(1),
                "late_delivery": False,
                "emails_sent": 14,
                "last_email_at": self._ago(6),
                "sms_sent": 1,
                "last_sms_at": self._ago(40),
                "last_reaction_at": self._ago(5),
                "recency_score": 5,
                "frequency_score": 4,
                "monetary_score": 4,
                "rfm_group": "champions",
                "spend_percentile": 92.0,
                "p_alive": 0.93,
                "expected_orders_90d": 1.4,
                "predicted_revenue_365d": 19_900,
                "stage": "loyalty",
                "stage_since": self._ago(90),
                "lifecycle_number": 2,
            },
            "last_order": {
                "id": "A-2077",
                "ordered_at": self._ago(12),
                "amount": 5_280,
                "products": [{**goods[0], "quantity": 2}, {**goods[1], "quantity": 1}],
            },
            "products": {
                "again": goods[:2],
                "viewed": goods[2:5],
                "together": goods[1:4],
                "due": goods[:1],
                "best_sellers": goods[:3],
                "cart": [{**goods[1], "quantity": 1}, {**goods[0], "quantity": 2}],
            },
            "low_marks": [
                self._low_mark(1, 2, survey="rating", lowest=1, highest=5, order_id="A-2077"),
                self._low_mark(8, 3, survey="nps", lowest=0, highest=10, comment=self._home.question),
            ],
            "viewed": {"category": _CATEGORIES[1]},
            "points": {"balance": 340, "to_next": 160, "tier": "Silver"},
            "proof": {"rating": 4.7, "ratings": 1_284, "customers": 912},
            "help": [{"question": self._home.question, "answer": self._home.answer, "url": self._shop}],
        }

    def some_facts(self) -> Context:
        """Somebody of whom half is known: whatever may be missing of a thing is, and pictures are there."""
        names = self._home.goods[:3]
        goods: list[dict[str, Any]] = [{"id": f"P-{number}", "name": name} for number, name in enumerate(names)]
        goods[1]["image_url"] = f"{self._shop}/{goods[1]['id']}.jpg"
        return self._of_message("percent") | {
            "contact": {"id": "C-88", "last_name": self._home.last_name, "locale": self._locale},
            "facts": {"order_count": 1, "last_order_at": self._ago(30), "email_consent": True},
            "last_order": {"id": "A-1", "products": [{**one, "quantity": 1} for one in goods]},
            "products": dict.fromkeys(("again", "viewed", "together", "due", "best_sellers", "cart"), goods),
            "low_marks": [{"survey": "poll", "score": 1, "lowest": 1, "highest": 5, "at": self._ago(2)}],
            "points": {"balance": 1},
            "proof": {"customers": 12},
            "help": [{"question": self._home.question, "answer": self._home.answer}],
            "zone": None,
        }

    def no_facts(self) -> Context:
        """Somebody of whom nothing is known but the shop's own id, and that they may be written to."""
        return self._of_message("percent") | {
            "contact": {**dict.fromkeys(("first_name", "last_name", "country", "locale")), "id": "C-7"},
            "facts": dict.fromkeys(name for name, fact in FACTS.items() if fact.scope == "contact"),
            "last_order": {"id": None, "ordered_at": None, "amount": None, "products": None},
            "zone": None,
        }

    def extremes(self) -> Context:
        """Everything as long and as large as it can come."""
        long_first, long_last = _long(self._home.first_name), _long(f"{self._home.last_name}-", _NAME_CHARACTERS)
        goods = self._products([_long(f"{name} ", _LABEL_CHARACTERS) for name in self._home.goods])
        before = self.all_facts()
        huge = {name: _huge(name) for name in before["facts"] if FACTS[name].type in {"number", "money"}}
        long_coupon = self._coupon("percent", code="TEAFORTWO-TEAFORTWO-7K4WQP7K4WQP7K4WQP"[:40], days=3_650)
        return {
            **before,
            "contact": {**self._contact(long_first, long_last, self._home.country), "id": "C" * _NAME_CHARACTERS},
            "facts": before["facts"] | huge | {"signed_up_at": self._ago(20_000), "first_order_at": self._ago(20_000)},
            "last_order": {
                "id": "A-" + "9" * (_NAME_CHARACTERS - 2),
                "ordered_at": self._ago(20_000),
                "amount": _HUGE_MONEY,
                "products": [{**one, "quantity": 100_000} for one in goods],
            },
            "products": dict.fromkeys(("again", "viewed", "together", "due", "best_sellers"), goods)
            | {"cart": [{**one, "quantity": 9_999} for one in goods]},
            "low_marks": [self._low_mark(1, 0, comment=_long(f"{self._home.question} ", 1_500), order_id="9" * 200)],
            "viewed": {"category": _long("Black tea ", _LABEL_CHARACTERS)},
            "points": {"balance": _HUGE, "to_next": _HUGE, "tier": _long("Silver ", _NAME_CHARACTERS)},
            "proof": {"rating": 5.0, "ratings": _HUGE, "customers": _HUGE},
            "help": [{"question": self._home.question, "answer": self._home.answer * 5, "url": self._shop}] * 3,
            "coupon": long_coupon | {"percent": 100},
            "survey": sample_survey("nps", range(11), public_url=self._public_url),
        }

    def hostile(self) -> Context:
        """Somebody who has put code where a name should be; none of it may do anything."""
        before = self.all_facts()
        goods = self._products([_HOSTILE_LABEL] * len(self._home.goods))
        return {
            **before,
            "contact": {**self._contact(_HOSTILE, _HOSTILE_TEMPLATE, _HOSTILE_COUNTRY), "id": _HOSTILE},
            "facts": before["facts"] | {"acquisition_source": _HOSTILE_LABEL, "last_order_id": _HOSTILE},
            "last_order": {
                **before["last_order"],
                "id": _HOSTILE,
                "products": [{**one, "quantity": 1} for one in goods],
            },
            "products": {name: goods[: len(shown)] for name, shown in before["products"].items()},
            "low_marks": [self._low_mark(1, 1, comment=_HOSTILE_COMMENT, order_id=_HOSTILE)],
            "viewed": {"category": _HOSTILE_LABEL},
            "points": {"balance": 1, "to_next": 1, "tier": _HOSTILE},
        }

    def _of_message(self, kind: str) -> Context:
        """What is known of every message, whoever reads it."""
        return {
            "coupon": self._coupon(kind),
            "survey": sample_survey("rating", range(1, 6), public_url=self._public_url),
            "currency": self._currency,
            "links": {
                **{one: sample_url(self._public_url, one) for one in get_args(Purpose) if one != "survey"},
                "staff": f"{self._public_url}/staff/contacts/1042",
            },
            "zone": self._home.zone,
            "now": self._now,
        }

    def _low_mark(self, days: float, score: int, **more: Any) -> dict[str, Any]:
        mark = {"survey": "nps", "score": score, "lowest": 0, "highest": 10, "at": self._ago(days)}
        return mark | {"question": _SURVEY_WORDS["question"]} | more

    def _coupon(self, kind: str, **more: Any) -> dict[str, Any]:
        now = int(self._now.timestamp() * 1_000)
        return sample_coupon(kind, self._locale, now=now, **more)

    def _contact(self, first_name: str, last_name: str, country: str) -> Context:
        names = {"first_name": first_name, "last_name": last_name}
        return {"id": "C-1042", **names, "country": country, "locale": self._locale}

    def _products(self, names: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {
                "id": f"P-{number}",
                "name": name,
                "category": _CATEGORIES[number],
                "price": _PRICES[number],
                "url": f"{self._shop}?product={number}",
                "buyers": 340 - 40 * number,
            }
            for number, name in enumerate(names)
        ]

    def _ago(self, days: float) -> datetime:
        return self._now - timedelta(days=days)


def _long(text: str, characters: int = _NAME_CHARACTERS) -> str:
    return (text * (characters // len(text) + 1))[:characters].strip()


def _huge(name: str) -> float:
    """As much as a fact can be; what has bounds of its own is at them."""
    bounded = {"last_rating": 5.0, "spend_percentile": 100.0, "p_alive": 1.0}
    if name in bounded:
        return bounded[name]
    if name.endswith("_score"):
        return 5
    return _HUGE_MONEY if FACTS[name].type == "money" else _HUGE
