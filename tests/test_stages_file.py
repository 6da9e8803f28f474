"""config/stages.yaml: presets and lists of one's own, with every fault at its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clm.domain.condition import Condition
from clm.domain.condition_parser import parse_condition
from clm.domain.language import Language
from clm.domain.stage import Stages
from clm.errors import ConfigurationError
from clm.rfm_file import load_rfm
from clm.stages_file import load_stages
from tests.conftest import PROJECT

SHIPPED = PROJECT / "config"
PRESETS = sorted(path.stem for path in (SHIPPED / "presets" / "stages").glob("*.yaml"))
REST = "  - {name: rest, kpi: everybody else}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config/ with the shipped presets."""
    shutil.copytree(SHIPPED / "presets", tmp_path / "presets")
    return tmp_path


@pytest.fixture
def language() -> Language:
    """What the shipped configuration knows."""
    return Language(groups=load_rfm(SHIPPED).names)


def faults(folder: Path, text: str, language: Language) -> list[str]:
    """What is said of such a stages.yaml, without the folder."""
    (folder / "stages.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refusal:
        load_stages(folder, language)
    return [str(fault).removeprefix(f"{folder}/") for fault in refusal.value.faults]


def test_the_shipped_stages(language: Language) -> None:
    """Six stages, from the furthest to the first; re-engagement ends the cycle, and reach takes the rest."""
    stages = load_stages(SHIPPED, language)
    assert stages.names == ("re_engagement", "loyalty", "retention", "conversion", "acquisition", "reach")
    assert [stage.name for stage in stages.stages if stage.ends_cycle] == ["re_engagement"]
    assert all(stage.kpi for stage in stages.stages)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_named(folder: Path, language: Language, preset: str) -> None:
    """Each preset loads, has a KPI for each stage, and leaves nobody out."""
    (folder / "stages.yaml").write_text(f"preset: {preset}\n", encoding="utf-8")
    stages = load_stages(folder, language)
    assert len(stages.stages) >= 5
    assert [stage.when is None for stage in stages.stages] == [False] * (len(stages.stages) - 1) + [True]
    assert stages.stage_of({"order_count": 0, "email_consent": False, "sms_consent": False}, 0) == stages.names[-1]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_be_copied(folder: Path, language: Language, preset: str) -> None:
    """A preset's own file is a stages.yaml."""
    (folder / "stages.yaml").write_text(f"preset: {preset}\n", encoding="utf-8")
    named = load_stages(folder, language)
    shutil.copyfile(folder / "presets" / "stages" / f"{preset}.yaml", folder / "stages.yaml")
    assert load_stages(folder, language) == named


def test_there_are_four_presets() -> None:
    """Six stages, five without re-engagement, software by subscription, services."""
    assert PRESETS == ["five", "saas", "services", "six"]


def test_without_a_file_there_are_no_stages(tmp_path: Path, language: Language) -> None:
    """A project need not have stages."""
    assert load_stages(tmp_path, language) == Stages()


def test_an_unknown_preset_is_named_with_the_nearest(folder: Path, language: Language) -> None:
    """The fault stands at the name, and says which there are."""
    assert faults(folder, "preset: sixx\n", language) == [
        "stages.yaml:1:1: preset: there is no preset `sixx`; did you mean `six`? (known: five, saas, services, six)"
    ]


def test_either_a_preset_or_a_list(folder: Path, language: Language) -> None:
    """Both, or neither, say nothing clear."""
    wanted = ["stages.yaml:1:1: needs either `preset: six` or a list `stages:`, and not both"]
    assert faults(folder, "preset: six\nstages:\n" + REST, language) == wanted
    assert faults(folder, "# nothing\n", language) == wanted


def test_a_preset_names_no_preset(folder: Path, language: Language) -> None:
    """A preset of a preset could go round in a circle."""
    (folder / "presets" / "stages" / "own.yaml").write_text("preset: own\n", encoding="utf-8")
    assert faults(folder, "preset: own\n", language) == [
        "presets/stages/own.yaml:1:1: preset: a preset lists its `stages:` and names no other preset"
    ]


def test_every_fault_of_a_list_is_told_at_once(folder: Path, language: Language) -> None:
    """Duplicate names, a missing and a superfluous `when`, and words that are not in the language."""
    text = """\
stages:
  - name: new
    when: ordr_count = 1
    kpi: first orders
  - name: new
    kpi: more
  - name: rest
    when: >-
      order_count > 0
    kpi: others
"""
    assert faults(folder, text, language) == [
        "stages.yaml:3:11: stages.1.when: `ordr_count` is not a fact; did you mean `order_count`?",
        "stages.yaml:5:5: stages.2.name: another stage is called `new`; a name is one stage's own",
        "stages.yaml:5:5: stages.2: needs a `when`; only the last stage has none, and takes the rest",
        "stages.yaml:8:5: stages.3.when: the last stage takes the rest; leave its `when` out and nobody is without one",
    ]


@pytest.mark.parametrize(
    ("condition", "column", "told"),
    [
        ("stage = 'rest'", 11, "`stage`"),
        ("order_count > 1 and days_since(stage_since) > 3", 42, "`stage_since`"),
        ("lifecycle_number > 1", 11, "`lifecycle_number`"),
        ("not entered_stage('rest', 7)", 15, "`entered_stage('rest', 7)`"),
        ("left_stage('rest', 7)", 11, "`left_stage('rest', 7)`"),
        ("in_segment('back')", 11, "`lifecycle_number`"),
    ],
)
def test_a_stage_cannot_ask_for_stages(
    folder: Path, language: Language, condition: str, column: int, told: str
) -> None:
    """What the stages decide they cannot be decided by, not through a segment either."""
    back: Condition = parse_condition("lifecycle_number > 1")
    knowing = Language(groups=language.groups, segments={"back": back})
    text = f"stages:\n  - name: one\n    when: {condition}\n    kpi: none\n{REST}"
    (fault,) = faults(folder, text, knowing)
    assert fault.startswith(f"stages.yaml:3:{column}: stages.1.when: {told} is what the stages decide")


def test_a_group_that_is_not_in_the_table_is_refused(folder: Path, language: Language) -> None:
    """Conditions name groups of config/rfm.yaml."""
    text = f"stages:\n  - name: one\n    when: rfm_group = 'champion'\n    kpi: none\n{REST}"
    (fault,) = faults(folder, text, language)
    assert "did you mean `champions`?" in fault


def test_unknown_keys_and_names_are_told(folder: Path, language: Language) -> None:
    """A slip of the finger is not silently left out."""
    text = "stages:\n  - {name: One, when: order_count > 1, kpi: x}\n  - {name: rest, kpi: y, end_cycle: true}\n"
    assert [fault.split(": ", 1)[0] for fault in faults(folder, text, language)] == [
        "stages.yaml:2:6", "stages.yaml:3:26",
    ]  # fmt: skip
