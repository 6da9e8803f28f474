"""`clm check` makes customers' pages, so that nobody learns of a slip by opening one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Clm
from tests.small_project import small_project


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "{{ words.join.title }}</h1>",
            "{{ words.join.tilte }}</h1>",
            "asks for `tilte`, which is not there",
        ),
        ("{% endblock %}\n{% block main %}", "{% block main %}", "is not Jinja: "),
    ],
)
def test_a_slip_in_a_page_is_told_with_file_and_line(
    clm: Clm, tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    """The page would be none, for whoever opens it."""
    project = small_project(tmp_path, "second_purchase")
    page = project.templates / "_pages" / "join.html"
    page.write_text(page.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    ended = clm("check", CLM_CONFIG=str(project.config), CLM_TEMPLATES=str(project.templates))
    assert ended.returncode == 1
    assert "join.html:" in ended.stdout
    assert says in ended.stdout
