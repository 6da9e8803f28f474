"""`clm broadcast` as a person or a program types it."""

from __future__ import annotations

import io
import json
import shutil
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clm.settings import Settings
from clm.store.database import Database
from tests.cli.conftest import ROOT, Clm
from tests.engine.shop import Shop, order

AT = f"{datetime.now(UTC).year + 1}-06-01 09:00"
PEOPLE = {"ada": "en-GB", "bob": "fa", "cem": None}


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """There is somebody."""
        return True


@pytest.fixture
def harvest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped broadcast in a project that has nothing else, next summer; its file."""
    config, words = tmp_path / "config", tmp_path / "templates"
    (config / "broadcasts").mkdir(parents=True)
    for name in ("brand.yaml", "policy.yaml", "topics.yaml"):  # all the others take a second with each command
        shutil.copyfile(ROOT / "config" / name, config / name)
    for name, nothing in (("sms_hours", "places: []"), ("sources", "sources: []")):
        (config / f"{name}.yaml").write_text(nothing, encoding="utf-8")
    for name in ("_base", "harvest"):
        shutil.copytree(ROOT / "templates" / name, words / name, ignore=shutil.ignore_patterns("ar", "th", "ru"))
    (config / "clm.yaml").write_text("base_currency: GBP\nlocales: [en, fa]\n", encoding="utf-8")
    monkeypatch.setenv("CLM_CONFIG", str(config))
    monkeypatch.setenv("CLM_TEMPLATES", str(words))
    file = config / "broadcasts" / "harvest.yaml"
    lines = (ROOT / "config" / "broadcasts" / "harvest.yaml").read_text(encoding="utf-8").splitlines()
    changed = {"at": f'"{AT}"', "where": "shop", "to": "order_count >= 1", "holdout": "0%"}
    kept = [line for line in lines if line.partition(":")[0] not in changed]
    file.write_text("\n".join([*kept, *(f"{key}: {value}" for key, value in changed.items())]), encoding="utf-8")
    return file


@pytest.fixture
def shop(clm: Clm, harvest: Path, sqlite_file: Path) -> Clm:
    """Three customers of whom two have consented."""
    assert harvest.exists()
    home = Settings().home
    home.mkdir()
    shutil.copyfile(sqlite_file, home / "clm.db")
    with closing(Database(Settings().store_url)) as database:
        for name, locale in PEOPLE.items():
            said: dict[str, Any] = {"email": f"{name}@example.com", "email_consent": name != "cem", "locale": locale}
            Shop(database).tell(order(f"{name}-1", name, **said))
    return clm


def printed(clm: Clm, *arguments: str) -> Any:
    """The JSON document of a command that ends well."""
    ended = clm("broadcast", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_it_is_shown_announced_listed_and_called_off(shop: Clm, harvest: Path) -> None:
    """As a program sees it; a look changes nothing, announcing twice adds nobody, and off is off."""
    plan = printed(shop, str(harvest), "--dry-run")
    assert {"broadcast": "harvest", "matching": 3, "new": 3, "announced": 0, "taken_in": None}.items() <= plan.items()
    assert (plan["locales"], plan["sample"]["refused"]) == ({"en": 2, "fa": 1}, {"no e-mail consent": 1})
    assert printed(shop, "--list")[0]["state"] == "not announced"
    assert [printed(shop, str(harvest), "--yes")["taken_in"] for _ in range(2)] == [3, None]
    (listed,) = printed(shop, "--list")
    assert {"state": "announced", "announced": 3, "sent": 0, "called_off": 0}.items() <= listed.items()
    off = printed(shop, str(harvest), "--cancel", "--yes")
    assert off["called_off"] == {"waiting": 3, "queued": 0, "gone": 0}
    assert printed(shop, "--list")[0]["state"] == "called off"
    again = shop("broadcast", str(harvest), "--yes")
    assert (again.returncode, "harvest was called off; announce the letter" in again.stderr) == (1, True)


def test_it_can_be_called_off_before_anybody_is_in(shop: Clm, harvest: Path) -> None:
    """Somebody may be announcing it elsewhere at this very moment; from then on it takes in nobody."""
    off = printed(shop, str(harvest), "--cancel", "--yes")
    assert (off["unsent"], off["called_off"]) == (0, {"waiting": 0, "queued": 0, "gone": 0})
    assert printed(shop, "--list")[0]["state"] == "called off"
    assert shop("broadcast", str(harvest), "--yes").returncode == 1


def test_a_person_is_shown_what_would_happen_and_asked(
    shop: Clm, harvest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No is the answer unless yes is typed; where nobody can be asked nothing is done."""
    silent = shop("broadcast", str(harvest))
    assert (silent.returncode, "--yes does it without asking" in silent.stderr) == (1, True)
    for typed, ends in (("\n", "nothing was announced"), ("y\n", "announced to 3;")):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        said = shop("broadcast", str(harvest)).stdout
        assert "as things stand 2 of 3 would go" in said
        assert "1 would be refused: no e-mail consent 1" in said
        assert said.splitlines()[-1].startswith(ends)
    assert "once" in shop("campaigns").stdout


def test_what_cannot_go_out_is_refused(shop: Clm, harvest: Path) -> None:
    """Nobody to write to, a time that has passed, words that are not there; each with what to do."""
    sound = harvest.read_text(encoding="utf-8")
    for old, new, fault in (
        ("to: order_count >= 1", "to: order_count > 5", "harvest: `to` holds of nobody"),
        (AT, "2020-01-01 09:00", "2020-01-01 09:00 has passed for 3 of them; write a later `at`"),
        ("send: letter", "send: leter", "harvest.yaml: step `leter` has no words by email; write"),
    ):
        harvest.write_text(sound.replace(old, new), encoding="utf-8")
        said = shop("broadcast", str(harvest), "--yes")
        assert (said.returncode, fault in " ".join(said.stderr.split())) == (1, True), said.stderr


def test_it_can_leave_at_once(shop: Clm, harvest: Path) -> None:
    """`at: now` is the moment at which it is first announced; the list tells that moment, and again it stays."""
    harvest.write_text(harvest.read_text(encoding="utf-8").replace(f'"{AT}"', "now"), encoding="utf-8")
    shown = shop("broadcast", str(harvest), "--dry-run").stdout
    assert "by e-mail, at once" in shown
    assert printed(shop, str(harvest), "--yes")["taken_in"] == 3
    (listed,) = printed(shop, "--list")
    assert (listed["at"], listed["state"]) == ("now", "announced")
    assert listed["begun_at"].endswith("Z")
    assert printed(shop, str(harvest), "--yes")["taken_in"] is None
    assert printed(shop, "--list")[0]["begun_at"] == listed["begun_at"]
    assert f"{listed['begun_at'][:16].replace('T', ' ')} UTC" in shop("broadcast", "--list").stdout


def test_a_name_without_its_file_is_told_the_file(shop: Clm, harvest: Path) -> None:
    """Whoever types the name of a broadcast is told what to type instead, and not that name again."""
    said = shop("broadcast", "harvest", "--dry-run")
    assert said.returncode == 1
    assert f"harvest: there is no such file; write clm broadcast {harvest}" in said.stderr
    assert "did you mean" not in said.stderr


def test_a_file_that_the_workers_do_not_see_is_refused(shop: Clm, harvest: Path, tmp_path: Path) -> None:
    """With where to put it; so is one that is not there, with the name that was meant."""
    elsewhere = shutil.copy(harvest, tmp_path / "harvest.yaml")
    for file, fault in ((elsewhere, "move it to"), (harvest.with_stem("havest"), "did you mean `harvest`?")):
        said = shop("broadcast", str(file), "--yes")
        assert (said.returncode, fault in said.stderr) == (1, True)


@pytest.mark.parametrize("order", ["--cancel", "--yes"])
def test_a_list_is_not_taken_for_what_it_does_not_do(shop: Clm, harvest: Path, order: str) -> None:
    """Whoever asks for both is told that nothing was done, rather than shown a table that looks like success."""
    said = shop("broadcast", str(harvest), "--list", order)
    assert (said.returncode, said.stdout) == (1, "")
    assert "--list only shows; leave it out" in said.stderr
    assert printed(shop, "--list")[0]["state"] == "not announced"
