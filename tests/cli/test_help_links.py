"""`clm check`: where the answers of config/help.yaml lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.cli.help_links import foreign_help
from clm.engine.workspace import load_project
from clm.settings import Settings
from tests.cli.conftest import Clm
from tests.small_project import small_project

HELP = """\
help:
  - url: https://www.saffronandsage.example/guides
    words: {en: {question: How long?, answer: Four minutes.}}
  - words: {en: {question: How hot?, answer: Just off the boil.}}
  - url: https://tea.example/kettles
    words: {en: {question: Which kettle?, answer: Any.}}
"""
TOLD = (
    "help.yaml:5:5: help.3.url: leads to tea.example, which is neither the brand's nor ours; "
    "if it is meant, add it to `link_hosts` of config/brand.yaml"
)


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A project with three answers, of which one leads elsewhere."""
    small = small_project(tmp_path, "birthday")
    (small.config / "help.yaml").write_text(HELP, encoding="utf-8")
    return small


def test_an_answer_that_leads_to_another_site_is_told(project: Settings) -> None:
    """Whoever gives the shipped letters a brand of their own would send customers to the old one's pages."""
    assert [str(fault) for fault in foreign_help(load_project(project), project)] == [f"{project.config}/{TOLD}"]


def test_what_is_no_address_is_told(project: Settings) -> None:
    """With its place, like any other slip."""
    (project.config / "help.yaml").write_text(
        HELP.replace("https://tea.example/kettles", "https://[tea"), encoding="utf-8"
    )
    (fault,) = foreign_help(load_project(project), project)
    assert (fault.line, fault.field) == (5, "help.3.url")
    assert "`https://[tea` is no address" in fault.message


def test_a_site_that_is_meant_is_no_fault(project: Settings) -> None:
    """The brand lists those that its letters may lead to beside its own."""
    brand = project.config / "brand.yaml"
    with brand.open("a", encoding="utf-8") as more:
        more.write("\nlink_hosts: [tea.example]\n")
    assert foreign_help(load_project(project), project) == []


def test_clm_check_looks_at_answers(clm: Clm, project: Settings) -> None:
    """Made-up readers have made-up answers, so that reading every message does not show those of the file."""
    ended = clm("check", CLM_CONFIG=str(project.config), CLM_TEMPLATES=str(project.templates))
    assert ended.returncode == 1
    assert TOLD in ended.stdout
