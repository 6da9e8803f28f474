"""Words that are not there yet are told: another language in a translation, and what stands for words to come."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clm.content.brand import Brand
from clm.content.lint_translation import unfinished

from .conftest import BODY, PROJECT

THAI = "เราไม่จัดรายการลดราคา แต่ครั้งนี้เป็นข้อยกเว้นสำหรับคุณ"
ENGLISH = "We would like to see you again, and this is for you"


def _told(root: Path, brand: Brand) -> list[str]:
    return [str(fault) for fault in unfinished(root, brand=brand, default_locale="en-GB")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder of templates."""
    return tmp_path / "templates"


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_shipped_words_are_finished(brand: Brand) -> None:
    """Nothing that ships in five languages is taken for unfinished."""
    assert _told(PROJECT / "templates", brand) == []


@pytest.mark.parametrize(
    ("locale", "language"), [("fa", "Persian"), ("ar", "Arabic"), ("th", "Thai"), ("ru", "Russian")]
)
def test_a_copy_in_place_of_a_translation_is_told_of_every_file(
    root: Path, brand: Brand, locale: str, language: str
) -> None:
    """Whoever copies the English folder to begin with is reminded of each file that stays as it was."""
    shipped = PROJECT / "templates" / "win_back" / "incentive"
    for name in ("en", locale):
        shutil.copytree(shipped / "en", root / "win_back" / "incentive" / name)
    told = _told(root, brand)
    assert [one.partition(": ")[0] for one in told] == [
        f"templates/win_back/incentive/{locale}/{name}" for name in ("body.mjml", "body.txt", "subject.txt")
    ]
    assert all(f": is not in {language}" in one for one in told)


def test_one_sentence_that_was_forgotten_is_told_with_its_line(root: Path, brand: Brand) -> None:
    """A paragraph of another script is told with its beginning, in MJML as in text."""
    _write(root, "a/b/th/body.txt", f"{THAI}\n\n{THAI}\n{ENGLISH}\n")
    _write(root, "a/b/th/body.mjml", BODY.format(words=f"<p>{THAI} {THAI}</p>\n<p>{ENGLISH}</p>"))
    assert _told(root, brand) == [
        f"templates/a/b/th/{place}: says `We would like to see you again, and this …`, which is not Thai; translate it"
        for place in ("body.mjml:6", "body.txt:4")
    ]


def test_languages_of_one_script_are_compared_with_the_default(root: Path, brand: Brand) -> None:
    """German that says what English says, word for word, is not translated; what both call by name is."""
    for locale, own in (("en", "Hello"), ("de", "Guten Tag")):
        _write(root, f"a/b/{locale}/body.txt", f"{own}\n{ENGLISH}\nSaffron & Sage Trading Ltd\nHouse Assam 250 g\n")
    assert _told(root, brand) == [
        "templates/a/b/de/body.txt:2: says `We would like to see you again, and this …` as `en` does; translate it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{THAI} Saffron & Sage Trading Ltd, 18 Tanner Row, London SE1 3ZZ, United Kingdom",
        f"{THAI}: Darjeeling Second Flush Single Estate",
        "ชาใหม่: Darjeeling Second Flush, House Assam, Masala Chai",
        f"{THAI} https://www.saffronandsage.example/this/is/the/way/to/the/shop hello@shop.example",
        f"{THAI} {{{{ coupon.code | default('this is the code that you have got') }}}}",
        f"{THAI} {{# this is a note of the one who has translated it #}}",
        "{{ brand.name }}: {{ coupon.code }} STOP",
        f"{THAI} ตอบ STOP",
        f"{THAI}\nnew arrival ใหม่ best seller ใหม่",
        "ใหม่: iPhone, iPad mini, eBay, macOS, iOS",
        "ชาใหม่: Darjeeling first flush, Assam house blend, Earl Grey with petals",
    ],
)
def test_names_links_and_what_jinja_says_are_of_no_language(root: Path, brand: Brand, text: str) -> None:
    """Brands, products, addresses and code stay as they are in every script."""
    _write(root, "a/b/th/body.txt", text)
    assert _told(root, brand) == []


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("sr", "Volimo da vas ponovo vidimo, i ovo je samo za vas"),
        ("sr-Latn", "Volimo da vas ponovo vidimo, i ovo je samo za vas"),
        ("sr", "Волимо да вас поново видимо, и ово је само за вас"),
        ("ja", "またお会いできるのを楽しみにしています"),
        ("zh-Hant", "我們很想再見到您，這是給您的"),
        ("ko", "다시 뵙고 싶어서 보내 드립니다"),
        ("hi", "हम आपको फिर से देखना चाहेंगे"),
        ("he", "נשמח לראות אתכם שוב, וזה בשבילכם"),
        ("bn", "আমরা আপনাকে আবার দেখতে চাই"),
    ],
)
def test_a_language_may_have_several_scripts(root: Path, brand: Brand, locale: str, text: str) -> None:
    """Serbian is written in two, Japanese in three; a copy of the English words is told of each."""
    _write(root, f"a/b/{locale}/body.txt", text)
    assert _told(root, brand) == []
    _write(root, "a/b/en/body.txt", ENGLISH)
    _write(root, f"a/b/{locale}/body.txt", ENGLISH)
    assert len(_told(root, brand)) == 1


def test_a_part_is_held_to_its_language_and_the_team_to_the_default(root: Path, brand: Brand) -> None:
    """Footers are translated, too; parts without a language hold no words."""
    _write(root, "_base/en/footer.txt", "You get these letters because you asked for them")
    _write(root, "_base/th/footer.txt", "You get these letters because you asked for them")
    _write(root, "_base/products.txt", "this is a part without any language of its own")
    assert _told(root, brand) == [
        "templates/_base/th/footer.txt: is not in Thai: 0 of 100 letters are Thai; translate it"
    ]


@pytest.mark.parametrize("word", ["TODO", "XXX", "FIXME", "Lorem ipsum", "lorem  ipsum"])
@pytest.mark.parametrize("name", ["a/b/en/subject.txt", "a/b/en/body.mjml", "_base/en/footer.txt", "_base/x.mjml"])
def test_what_stands_for_words_to_come_is_told(root: Path, brand: Brand, name: str, word: str) -> None:
    """In every file, also where it is the fallback of a value; the line is told."""
    _write(root, name, f"<p>Tea</p>\n<p>{{{{ contact.first_name | default('{word}') }}}}</p>")
    told = f"templates/{name}:2: says `{word}`, which stands for words to come; write these, or leave it out"
    assert _told(root, brand) == [told]


@pytest.mark.parametrize(
    "text",
    [
        *("Todo lo que le gusta", "the mastodon", "SIZE XXXL", "{# TODO: ask Nadia #}Tea", "<!-- FIXME -->Tea", "todo"),
        *("TODO A MITAD DE PRECIO", "Hoy:\n\nestá TODO: té y especias", "¡TODO!", "XXX Aniversario"),
    ],
)
def test_words_that_only_look_like_it_are_let_pass(root: Path, brand: Brand, text: str) -> None:
    """Spanish says `todo`, in capitals too; clothes come in XXXL, and comments reach nobody."""
    _write(root, "a/b/es/body.txt", text)
    assert _told(root, brand) == []


@pytest.mark.parametrize("text", ["TODO: traducir", "Té\n  TODO: traducir", "<p>TODO: traducir</p>", "Hola XXX,"])
def test_a_note_in_a_language_that_says_todo_is_told(root: Path, brand: Brand, text: str) -> None:
    """A line that begins with the word and a colon is a note, in Portuguese as in Spanish."""
    _write(root, "a/b/pt-BR/body.txt", text)
    (told,) = _told(root, brand)
    assert "which stands for words to come" in told


def test_languages_that_have_sentences_alike_are_compared_as_a_whole(root: Path, brand: Brand) -> None:
    """Norwegian may say what Danish says, word for word; a file of which every sentence does is a copy."""
    _write(root, "a/b/da/body.txt", "Vi har ny te i butikken\nKom og se hvad vi har fået ind i denne uge")
    _write(root, "a/b/nb/body.txt", "Vi har ny te i butikken\nKom og se hva vi har fått inn denne uken")
    _write(root, "a/b/da/subject.txt", "Vi har ny te i butikken")
    _write(root, "a/b/nb/subject.txt", "Vi har ny te i butikken")
    assert list(unfinished(root, brand=brand, default_locale="da")) == []
    shutil.copy(root / "a/b/da/body.txt", root / "a/b/nb/body.txt")
    told = [str(fault) for fault in unfinished(root, brand=brand, default_locale="da")]
    assert len(told) == 2
    assert all("as `da` does" in one for one in told)


def test_who_writes_is_called_so_in_every_script(root: Path, brand: Brand) -> None:
    """A company whose name is written small is no sentence of another language."""
    _write(root, "a/b/th/body.txt", f"{THAI} {THAI}\nthe house of tea and spice")
    assert len(_told(root, brand)) == 1
    assert _told(root, brand.model_copy(update={"legal_name": "the house of tea and spice"})) == []


def test_a_sentence_goes_on_through_what_stands_within_it(root: Path, brand: Brand) -> None:
    """Marked words, and those that are crossed out, are of the sentence around them."""
    for locale in ("en", "de"):
        _write(root, f"a/b/{locale}/body.mjml", BODY.format(words="We would <mark>like to see</mark> you <s>all</s>"))
    (told,) = _told(root, brand)
    assert "says `We would like to see you all` as `en` does" in told


def test_names_that_two_languages_share_are_no_copy(root: Path, brand: Brand) -> None:
    """What begins with a small letter, and what comes in grams or centimetres, is called so in every language."""
    for locale in ("en", "de"):
        _write(
            root, f"a/b/{locale}/body.txt", "le Creuset Cocotte 24 cm\niPhone 15 Pro Max case\nde Buyer Mineral 2 kg\n"
        )
    assert _told(root, brand) == []
