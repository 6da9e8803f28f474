"""Reads config/stages.yaml: the lifecycle's stages, one's own or a shipped preset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from clm.domain.condition import Condition, terms_of
from clm.domain.condition_parser import parse_condition
from clm.domain.language import ConditionError, Language
from clm.domain.naming import Name
from clm.domain.nearest import nearest
from clm.domain.stage import Stage, Stages
from clm.domain.term import Moved
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import Loc, YamlFile

STAGES_MAX = 30
_OWN = {"stage", "stage_since", "lifecycle_number"}
"""Facts that the stages decide, and so cannot be decided by."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StageRow(_Strict):
    """One stage as marketers write it."""

    name: Name
    when: str | None = None
    kpi: str = Field(min_length=1, max_length=200)
    ends_cycle: bool = False


class StagesFile(_Strict):
    """config/stages.yaml, or a preset: either names a preset, or lists the stages."""

    preset: Name | None = None
    stages: list[StageRow] | None = Field(default=None, min_length=1, max_length=STAGES_MAX)


def load_stages(folder: Path, language: Language) -> Stages:
    """The stages under `folder`; none at all where there is no stages.yaml.

    A preset lies in presets/stages/ beside it. Raises ConfigurationError listing every fault.
    """
    path = folder / "stages.yaml"
    if not path.exists():
        return Stages()
    file = YamlFile(path)
    plan = file.validate(StagesFile)
    if (plan.preset is None) == (plan.stages is None):
        raise ConfigurationError([file.fault((), "needs either `preset: six` or a list `stages:`, and not both")])
    if plan.preset is not None:
        path = _preset(folder, plan.preset, file)
        file = YamlFile(path)
        plan = file.validate(StagesFile)
    if plan.stages is None:
        raise ConfigurationError([file.fault(("preset",), "a preset lists its `stages:` and names no other preset")])
    return _stages(file, plan.stages, language)


def _preset(folder: Path, name: str, file: YamlFile) -> Path:
    presets = folder / "presets" / "stages"
    path = presets / f"{name}.yaml"
    if path.exists():
        return path
    known = sorted(found.stem for found in presets.glob("*.yaml"))
    listed = f" (known: {', '.join(known)})" if known else f"; {presets} holds none"
    raise ConfigurationError([file.fault(("preset",), f"there is no preset `{name}`{nearest(name, known)}{listed}")])


def _stages(file: YamlFile, rows: list[StageRow], language: Language) -> Stages:
    faults: list[Fault] = []
    stages: list[Stage] = []
    seen: set[str] = set()
    for index, row in enumerate(rows):
        loc: Loc = ("stages", index)
        if row.name in seen:
            faults.append(
                file.fault((*loc, "name"), f"another stage is called `{row.name}`; a name is one stage's own")
            )
        seen.add(row.name)
        last = index == len(rows) - 1
        if last and row.when is not None:
            message = "the last stage takes the rest; leave its `when` out and nobody is without one"
            faults.append(file.fault((*loc, "when"), message))
        if not last and row.when is None:
            message = "needs a `when`; only the last stage has none, and takes the rest"
            faults.append(file.fault(loc, message))
        condition = _condition(file, (*loc, "when"), row.when, language, faults) if row.when is not None else None
        stages.append(Stage(row.name, condition, row.kpi, row.ends_cycle))
    if faults:
        raise ConfigurationError(faults)
    return Stages(tuple(stages))


def _condition(file: YamlFile, loc: Loc, text: str, language: Language, faults: list[Fault]) -> Condition | None:
    try:
        condition = parse_condition(text, replace(language, stages=None))  # what it may not ask for is told below
    except ConditionError as error:
        faults.append(file.fault(loc, str(error), offset=error.offset))
        return None
    for term in terms_of(condition):
        if term.name in _OWN or (isinstance(term, Moved) and term.of == "stage"):
            message = (
                f"`{term.name}` is what the stages decide, so no stage can ask for it; ask for the facts behind it"
            )
            found = text.find(term.name.split("(")[0])
            faults.append(file.fault(loc, message, offset=max(0, found)))
            return None
    return condition
