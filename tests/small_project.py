"""The shipped project with some of its campaigns and languages alone: to read all templates takes many seconds."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from clm.settings import Settings

ROOT = Path(__file__).parents[1]


LEFT_OUT = ("ar", "ru", "th")


def small_project(
    folder: Path, *campaigns: str, home: Path | None = None, left_out: Collection[str] = LEFT_OUT
) -> Settings:
    """Config and templates as they are shipped, with these campaigns only, in new folders; in English and Persian."""
    config, templates = folder / "config", folder / "templates"
    others = [path.name for path in (ROOT / "config" / "campaigns").iterdir() if path.stem not in campaigns]
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("broadcasts", *others))
    for path in (ROOT / "templates").iterdir():
        if path.name.startswith("_") or path.name in campaigns:
            shutil.copytree(path, templates / path.name, ignore=shutil.ignore_patterns(*left_out))
    return Settings(home=home or folder / "home", database_url=None, config=config, templates=templates)


def replace(path: Path, old: str, new: str) -> None:
    """Write `new` where a file says `old`, which it must."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
