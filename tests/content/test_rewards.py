"""What an offer gives, as pages say it beside its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.content.brand import Brand
from clm.content.rewards import Rewards
from clm.errors import ConfigurationError

COUPON = {"kind": "percent", "percent": 15, "code": "BACK-1"}


def _folder(tmp_path: Path, **words: str) -> Path:
    for locale, said in words.items():
        place = tmp_path / "_base" / locale
        place.mkdir(parents=True)
        (place / "reward.txt").write_text(said, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("locale", "said"), [("fa", "۱۵٪"), ("de-AT", "15 Prozent"), ("th", "15 Prozent")])
def test_in_the_readers_language_else_in_the_shops(tmp_path: Path, brand: Brand, locale: str, said: str) -> None:
    """A shop that writes no English has no English words to fall back to."""
    folder = _folder(tmp_path, de="{{ coupon.percent }} Prozent", fa="{{ coupon.percent | number }}٪")
    rewards = Rewards(folder, brand=brand, default_locale="de")
    assert rewards.say(locale, COUPON, currency="EUR") == said


def test_the_brand_is_called_what_readers_call_it(tmp_path: Path, brand: Brand) -> None:
    """As in letters, and whatever mark an editor puts at the beginning of the file."""
    rewards = Rewards(_folder(tmp_path, fa="\ufeff{{ brand.name }}"), brand=brand, default_locale="fa")
    assert rewards.say("fa", COUPON, currency="EUR") == brand.in_language["fa"].name != brand.name


def test_words_that_are_no_template_are_told(tmp_path: Path, brand: Brand) -> None:
    """With the file, before anybody opens a page."""
    with pytest.raises(ConfigurationError, match=r"_base/de/reward\.txt: is not Jinja"):
        Rewards(_folder(tmp_path, de="{% if %}"), brand=brand, default_locale="de")
