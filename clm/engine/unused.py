"""Words that nobody gets: folders of templates that no step of a campaign or a broadcast is called like."""

from __future__ import annotations

from collections.abc import Iterator

from clm.domain.nearest import nearest
from clm.engine.workspace import Project
from clm.errors import Fault
from clm.settings import Settings


def unused(project: Project, settings: Settings) -> list[Fault]:
    """Each such folder, with the name that may be meant; no reason to refuse anything.

    People who are on an earlier version of a campaign may still be sent words that its file does not name any more.
    """
    return list(_unused(project, settings))


def _unused(project: Project, settings: Settings) -> Iterator[Fault]:
    library, root = project.library, settings.templates.name
    files = {
        path.stem: path for kind in ("campaigns", "broadcasts") for path in (settings.config / kind).glob("*.yaml")
    }
    read = {one.campaign: {step.send for step in one.sends} for one in project.configuration.all_campaigns}
    there: dict[str, set[str]] = {}
    for campaign, step in {*library.steps(), *(place[:2] for place in library.spoilt)}:
        there.setdefault(campaign, set()).add(step)
    for campaign, steps in sorted(there.items()):
        if campaign not in files:
            remedy = f"its file would be config/campaigns/{campaign}.yaml{nearest(campaign, sorted(files))}"
            yield Fault(f"{root}/{campaign}/", "is named for no campaign and no broadcast", remedy=remedy)
            continue
        for step in sorted(steps - read.get(campaign, steps)):
            sent = sorted(read[campaign] - steps) or sorted(read[campaign])
            told = f"is named for no step of config/{files[campaign].parent.name}/{campaign}.yaml"
            remedy = f"delete it once nobody is on a version that sends it{nearest(step, sent)}"
            yield Fault(f"{root}/{campaign}/{step}/", told, remedy=remedy)
