"""`clm coupons` as a person or a program types it."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from clm.domain.instant import DAY_MS, to_ms
from clm.domain.record import ContactRecord
from clm.settings import Settings
from clm.store.database import Database
from clm.store.schema import messages
from tests.cli.conftest import ROOT, Clm
from tests.engine.shop import NOW, order
from tests.engine.test_redemptions import Giver

WORDS = "en: a tin of Assam, fa: چای, ar: شاي, th: ชา, ru: чай"
POOL = f"\n  tin: {{kind: gift, gift: {{{WORDS}}}, days: 9, codes: pool, warn_below: 9}}\n"


@pytest.fixture
def shop(clm: Clm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clm:
    """The shipped configuration with a pool beside its offers, and an empty database."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    with (config / "offers.yaml").open("a", encoding="utf-8") as offers:
        offers.write(POOL)
    monkeypatch.setenv("CLM_CONFIG", str(config))
    clm("db", "upgrade")
    return clm


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    """A file of codes."""
    path = tmp_path / "codes.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def figures(clm: Clm, offer: str) -> dict[str, Any]:
    """What `clm coupons --json` says of an offer."""
    offers: list[dict[str, Any]] = json.loads(clm("coupons", "--json").stdout)["offers"]
    return next(one for one in offers if one["offer"] == offer)


def test_codes_go_into_a_pool_and_the_others_are_told_by_line(shop: Clm, tmp_path: Path) -> None:
    """A header, blank lines and further columns are passed over; the same file again changes nothing."""
    file = write(tmp_path, '\ufeffCode;for\n  tin-0001 ;x\n"TIN-0002"\n\nNo way!\nTin-0001\nTIN-0003,y\n')
    said = shop("coupons", "add", "tin", file)
    assert said.stdout == "3 new, 0 known already, 2 not taken; 3 are free now\n"
    assert said.stderr.splitlines() == [
        f"{file}:5: `No way!`: a code has 3 to 40 letters A to Z, digits, hyphens and underscores",
        f"{file}:6: `TIN-0001`: stands in line 2 already",
    ]
    again = json.loads(shop("coupons", "add", "tin", file, "--json").stdout)
    assert (again["new"], again["known"], again["free"], again["brought_forward"]) == (0, 3, 3, 0)
    assert [one["line"] for one in again["refused"]] == [5, 6]
    assert {"kind": "gift", "codes": "pool", "free": 3, "held": 0}.items() <= figures(shop, "tin").items()
    listed = shop("coupons").stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        "welcome", "second_purchase", "win_back", "birthday", "referral", "tin",
    ]  # fmt: skip
    assert "a tin of Assam" in listed


@pytest.mark.parametrize(
    ("text", "told"), [("", "holds no code; write one a line"), ("code,for\n", "holds no code"), ("No way!\n", ":1: ")]
)
@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_a_file_of_which_nothing_can_be_taken_is_refused(
    shop: Clm, tmp_path: Path, text: str, told: str, json_too: tuple[str, ...]
) -> None:
    """An export that came out empty would otherwise look as if it had filled the pool."""
    said = shop("coupons", "add", "tin", write(tmp_path, text), *json_too)
    assert said.returncode == 1
    assert told in said.stderr or (json_too and json.loads(said.stdout)["refused"])


def test_whoever_adds_codes_is_told_who_goes_on(shop: Clm, tmp_path: Path) -> None:
    """Letters that waited for one, in both forms; letters that wait for something else are not among them."""
    opened = Database(Settings().store_url)
    giver = Giver(opened)
    ahead = to_ms(datetime.now(UTC)) + DAY_MS
    reasons = ["no code of offer `tin` is left"] * 3 + ["quiet until 09:00 UTC"]
    for number, reason in enumerate(reasons):
        giver.give(f"OTHER-{number}", f"c{number}", offer="win_back")
        with opened.write() as tx:
            latest = select(func.max(messages.c.id)).scalar_subquery()
            waits = update(messages).where(messages.c.id == latest)
            tx.execute(waits.values(status="queued", reason=reason, due_at=ahead, expires_at=ahead + DAY_MS))
    opened.close()
    said = shop("coupons", "add", "tin", write(tmp_path, "TIN-0001\n")).stdout
    assert said.splitlines()[1:] == ["1 message goes on that waited for a code"]
    more = json.loads(shop("coupons", "add", "tin", write(tmp_path, "TIN-0002\nTIN-3\nTIN-4\n"), "--json").stdout)
    assert (more["new"], more["brought_forward"]) == (3, 2)


@pytest.mark.parametrize(
    ("offer", "text", "encoding", "fault"),
    [
        ("tim", "TIN-1", "utf-8", "there is no offer `tim`; did you mean `tin`?"),
        ("welcome", "TIN-1", "utf-8", "the codes of offer `welcome` are made by clm"),
        ("tin", "TIN-1", "utf-16", "the file is UTF-16; save it as UTF-8"),
    ],
)
def test_what_is_no_pool_takes_no_codes(
    shop: Clm, tmp_path: Path, offer: str, text: str, encoding: str, fault: str
) -> None:
    """A misspelt offer, one whose codes are made here, a file in another encoding."""
    said = shop("coupons", "add", offer, write(tmp_path, text, encoding))
    assert said.returncode == 1
    assert fault in said.stderr


def test_codes_of_a_pool_that_is_none_any_more_are_counted(shop: Clm, tmp_path: Path) -> None:
    """They still lie there, though the offer's codes are made here now; people are told why none is given."""
    shop("coupons", "add", "tin", write(tmp_path, "TIN-0001\nTIN-0002\n"))
    offers = Settings().config / "offers.yaml"
    sound = offers.read_text(encoding="utf-8")
    assert "lie unused" not in shop("coupons").stdout
    offers.write_text(
        sound.replace(POOL, POOL.replace("codes: pool, warn_below: 9", "codes: generated, prefix: TIN")),
        encoding="utf-8",
    )
    listed = shop("coupons").stdout
    (row,) = (line for line in listed.splitlines() if line.startswith("tin "))
    assert row.split()[-6] == "2"
    assert "2 codes of tin's pool lie unused: config/offers.yaml has its codes made here" in " ".join(listed.split())
    (other,) = (line for line in listed.splitlines() if line.startswith("welcome "))
    assert other.split()[-6] == "–"


def test_the_example_of_the_docs_is_an_offer(shop: Clm) -> None:
    """What docs/coupons.md shows of config/offers.yaml can be pasted there, in the languages that are shipped."""
    (example,) = re.findall(
        r"```yaml\n(win_back: .*?)```", (ROOT / "docs" / "coupons.md").read_text("utf-8"), re.DOTALL
    )
    offers = Settings().config / "offers.yaml"
    offers.write_text("offers:\n" + textwrap.indent(example, "  "), encoding="utf-8")
    listed = json.loads(shop("coupons", "--json").stdout)["offers"]
    assert [(one["offer"], one["codes"]) for one in listed] == [("win_back", "generated"), ("birthday", "pool")]


def test_one_code_tells_its_story(shop: Clm) -> None:
    """However it is typed: whose it is, which message gave it, until when, and the order it was used for."""
    opened = Database(Settings().store_url)
    giver = Giver(opened)
    giver.give("BACK-7KX2MP", offer="win_back", uses=2)
    giver.give("BACK-222222", "bob", offer="win_back")
    giver.shop.tell(order("o1", "ada", at=NOW + DAY_MS)._replace(coupon="BACK-7KX2MP"))
    giver.shop.tell(ContactRecord("cyd"))
    opened.close()
    assert [line.strip() for line in shop("coupons", "find", "back - 7kx2mp").stdout.splitlines()] == [
        "BACK-7KX2MP: used",
        "offer       win_back, made here",
        "contact     ada (shop)",
        "given       2024-10-04 00:00 UTC by nudge/hello",
        "holds until 2024-10-13 00:00 UTC",
        "good for    2 orders",
        "used        2024-10-05 00:00 UTC for order o1 of ada (shop)",
    ]
    story = json.loads(shop("coupons", "find", "BACK-222222", "--json").stdout)
    assert (story["status"], story["contact"], story["orders"]) == ("expired", "bob", [])
    assert {"used": 1, "expired": 1, "orders": 1, "free": 0}.items() <= figures(shop, "win_back").items()
    missing = shop("coupons", "find", "nothing")
    assert (missing.returncode, "NOTHING is no code of ours" in missing.stderr) == (1, True)


def test_a_code_used_too_often_stands_out(shop: Clm) -> None:
    """Of its offer and of the code itself it is told that it came with more orders than it is good for."""
    opened = Database(Settings().store_url)
    giver = Giver(opened)
    giver.give("BACK-7KX2MP", offer="win_back")
    giver.give("BACK-222222", "bob", offer="win_back")
    for number in range(3):
        giver.shop.tell(order(f"o{number}", "ada", at=NOW + DAY_MS)._replace(coupon="BACK-7KX2MP"))
    giver.shop.tell(order("o9", "bob", at=NOW + DAY_MS)._replace(coupon="BACK-222222"))
    opened.close()
    listed = shop("coupons").stdout
    assert "used more often than they are good for: BACK-7KX2MP (3 orders, good for 1)" in listed
    assert "BACK-222222" not in listed
    assert {"used": 2, "orders": 4, "overused": 1, "overused_codes": ["BACK-7KX2MP"]}.items() <= figures(
        shop, "win_back"
    ).items()
    assert {"overused": 0, "overused_codes": []}.items() <= figures(shop, "welcome").items()
    found = shop("coupons", "find", "BACK-7KX2MP").stdout
    assert found.splitlines()[0] == "BACK-7KX2MP: used for 3 orders, and is good for 1"
    assert json.loads(shop("coupons", "find", "BACK-7KX2MP", "--json").stdout)["overused"] is True
    assert json.loads(shop("coupons", "find", "BACK-222222", "--json").stdout)["overused"] is False


def test_the_shop_is_told_which_codes_hold(shop: Clm) -> None:
    """As CSV, those that are given or held and have not run out."""
    opened = Database(Settings().store_url)
    giver = Giver(opened)
    giver.give("BACK-333333", offer="win_back", issued=False)
    giver.give("BACK-444444", "bob", offer="win_back")
    opened.close()
    assert shop("coupons", "export", "win_back").stdout == "code,uses,given_at,expires_at\nBACK-333333,1,,\n"
