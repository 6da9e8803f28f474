"""Templates that were broken on purpose, each in a way that nobody would see who reads only their own language."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clm.cli.project import _looked_at
from clm.settings import Settings
from tests.small_project import replace, small_project

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
CAMPAIGNS = ("feedback", "win_back")
LETTER = "templates/win_back/incentive"
BUTTON = 'mj-button href="{{ brand.links.shop }}"'
SHOP = "http://www.saffronandsage.example/shop"
ASKED = "templates/feedback/rating_sms"


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """The shipped project with two campaigns alone, to break."""
    return small_project(tmp_path, *CAMPAIGNS, left_out=())


def _told(settings: Settings) -> list[str]:
    _, faults = _looked_at(settings)
    return [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        pytest.param(
            f"{LETTER}/en/body.txt",
            "Hello ",
            "TODO Hello ",
            f"{LETTER}/en/body.txt:3: says `TODO`, which stands for words to come",
            id="to do",
        ),
        pytest.param(
            "templates/_base/ru/reward.txt",
            "many='# дополнительных баллов', ",
            "",
            "templates/_base/ru/reward.txt:1: `plural` lacks `many`",
            id="plural form",
        ),
        pytest.param(
            f"{LETTER}/en/body.mjml",
            BUTTON,
            "mj-button",
            f"{LETTER}/en/body.mjml:22: `mj-button` has no `href`",
            id="dead button",
        ),
        pytest.param(
            "templates/win_back/last_call/ru/sms.txt",
            "{{ brand.name }}",
            "{ brand.name }",
            "templates/win_back/last_call/ru/sms.txt:1: shows a piece of the template: `{ brand.name }`; write the",
            id="one brace",
        ),
        pytest.param(
            f"{LETTER}/en/body.mjml",
            "default('there') }}",
            "default('there') }} *|<b>LNAME</b>|* &lt;&lt;name&gt;&gt;",
            f"{LETTER}/en/body.mjml:12: shows a piece of the template: `<<name>>`; write the",
            id="placeholder of another program",
        ),
        pytest.param(
            "templates/win_back/last_call/en/sms.txt",
            "{{ brand.name }}",
            "Us",
            "templates/win_back/last_call/en/sms.txt:1: does not say `{{ brand.name }}`, who writes, which marketing"
            " must carry; write it there",
            id="SMS of nobody",
        ),
        pytest.param(
            f"{LETTER}/en/body.txt",
            "default('there')",
            'default("")',
            f"{LETTER}/en/body.txt:3: has a hole where a value is missing: `Hello ,`",
            id="hole",
        ),
        pytest.param(
            f"{LETTER}/en/body.mjml",
            "default('there')",
            "default('')",
            f"{LETTER}/en/body.mjml:12: has a hole where a value is missing: `Hello ,`",
            id="hole in HTML",
        ),
        pytest.param(
            "templates/_base/header.mjml",
            '">{{ brand.name }}</a>',
            '"><img src="{{ brand.links.shop }}" alt=""></a>',
            "templates/_base/header.mjml:6: has a link without words",
            id="link without words",
        ),
        pytest.param(
            f"{LETTER}/ru/body.txt",
            "{{ brand.links.shop }}",
            SHOP,
            f"{LETTER}/ru/body.txt:16: leads to `{SHOP}`, which any",
            id="http",
        ),
        pytest.param(
            "config/campaigns/feedback.yaml",
            "survey: rating",
            "survey: nps",
            f"{ASKED}/fa/sms.txt:1: asks for a mark from 1 to 5, but the survey `nps` goes from 0",
            id="another scale",
        ),
        pytest.param(
            "templates/win_back/last_call/en/sms.txt",
            "won't",
            "won’t",
            "templates/win_back/last_call/en/sms.txt:1: takes 3 segments instead of 1, because not every phone has `’`",
            id="typography",
        ),
        pytest.param(
            f"{ASKED}/en/sms.txt",
            "{{ survey.url }}",
            "{{ survey.url }} " + "x" * 321,
            f"{ASKED}/en/sms.txt:1: takes 4 segments",
            id="as long as it is sent",
        ),
    ],
)
def test_what_a_reader_of_one_language_would_not_see_is_told(
    small: Settings, file: str, right: str, wrong: str, told: str
) -> None:
    """One slip in words that are sound is told with its file and line."""
    replace(small.config.parent / file, right, wrong)
    found = _told(small)
    assert any(one.startswith(told) for one in found), found


def test_a_copy_in_place_of_a_translation_is_told(small: Settings) -> None:
    """The shipped words pass; English ones in the folder of another language are told with their file."""
    assert _told(small) == []
    letter = small.config.parent / LETTER
    shutil.copytree(letter / "en", letter / "th", dirs_exist_ok=True)
    found = _told(small)
    assert any(one.startswith(f"{LETTER}/th/body.txt: is not in Thai") for one in found), found
