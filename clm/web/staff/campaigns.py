"""How campaigns go: all of them, and each with its diagram and the figures of every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clm.domain.broadcast import Broadcast
from clm.domain.campaign import Campaign
from clm.domain.node import length
from clm.insight.broadcasts import outings_of
from clm.insight.diagram import svg
from clm.insight.drawing import without_style
from clm.insight.progress import progress_of
from clm.insight.standing import Standing, standings
from clm.web.staff.desk import AtDesk, Desk, Member, NothingHereError

router = APIRouter(prefix="/staff/campaigns")


@router.get("")
def listed(request: Request, desk: AtDesk, visit: Member) -> Response:
    """Every campaign, most urgent first."""
    configuration = desk.projects.configuration()
    found = standings(desk.reception.database, configuration)
    states = _states(desk, configuration.broadcasts, found)
    return desk.page(request, "campaigns", visit, found=found, states=states)


@router.get("/{campaign}")
def one(request: Request, desk: AtDesk, visit: Member, campaign: str) -> Response:
    """One campaign: what it does, and how it goes."""
    file = _campaign(desk, campaign)
    values = _figures(desk, file)
    states = _states(desk, [file], [values["found"].standing]) if isinstance(file, Broadcast) else {}
    state = states.get(campaign, file.status)
    return desk.page(request, "campaign", visit, campaign=file, state=state, settings=_settings(file), **values)


@router.get("/{campaign}/figures")
def figures(request: Request, desk: AtDesk, visit: Member, campaign: str) -> Response:
    """The part that changes, which the page asks for again and again."""
    file = _campaign(desk, campaign)
    return desk.page(request, "figures", visit, part=True, campaign=file, **_figures(desk, file))


def _states(desk: Desk, files: Sequence[Broadcast], known: Sequence[Standing]) -> dict[str, str]:
    """How far each broadcast is; its file says nothing of that."""
    found = outings_of(desk.reception.database, files, known) if files else []
    return {one.broadcast.campaign: one.state for one in found}


def _figures(desk: Desk, campaign: Campaign) -> dict[str, Any]:
    configuration = desk.projects.configuration()
    found = progress_of(desk.reception.database, configuration, campaign)
    drawn = without_style(svg(campaign, found.in_flight, found.notes()))
    return {"found": found, "drawing": drawn}


def _campaign(desk: Desk, name: str) -> Campaign:
    for campaign in desk.projects.configuration().all_campaigns:
        if campaign.campaign == name:
            return campaign
    raise NothingHereError


def _settings(campaign: Campaign) -> dict[str, str]:
    """What its file says beside steps, by name."""
    again, cap, goal = campaign.enter.again_after, campaign.enter.at_most, campaign.goal
    within = f" (within {length(goal.within)})" if goal and goal.within else ""
    told = {
        "enters when": campaign.enter.when,
        "once per": campaign.enter.once_per,
        "again after": length(again) if again is not None else None,
        "at most": f"{cap.entries:,} in {length(cap.within)}" if cap else None,
        "not if": campaign.unless,
        f"goal{within}": goal.when if goal else None,
        "held out": f"{campaign.holdout * 100:g}%" if campaign.holdout else None,
        "purpose": campaign.purpose,
        "priority": str(campaign.priority),
        "delivery": campaign.delivery.replace("_", " "),
        "when the file changes, people": "stay on their version" if campaign.in_flight == "stay" else "move along",
    }
    return {name: value for name, value in told.items() if value}
