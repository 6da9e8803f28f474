"""A campaign's journey as a picture, drawn from its file: SVG for pages and mails, Mermaid for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clm.domain.broadcast import Broadcast
from clm.domain.campaign import (
    BranchStep,
    Campaign,
    ExitStep,
    GoToStep,
    Loc,
    SendStep,
    SplitArm,
    SplitStep,
    Step,
    SuppressStep,
    UntilTime,
    UntilTrue,
    WaitStep,
    WaitUntilStep,
    arms_of,
    every_step,
)
from clm.domain.node import (
    END,
    ArmUntil,
    Branch,
    Exit,
    Hold,
    LocalTime,
    Node,
    Send,
    Split,
    Suppress,
    Wait,
    length,
)
from clm.domain.program import program, step_keys
from clm.insight.drawing import Block, Text, box, fan, last_box, sheet, stack

Counts = Mapping[str, int]
"""How many people, by the key of a node: whichever figures are to be shown."""

_BY = {"email": "e-mail", "sms": "SMS", "staff": "to the team", "webhook": "to a program"}
_DAYS = {"mon": "Mon", "tue": "Tue", "wed": "Wed", "thu": "Thu", "fri": "Fri", "sat": "Sat", "sun": "Sun"}
_OTHERWISE = "otherwise"
_START_WIDTH = 440
_NARROW = 110


def svg(campaign: Campaign, counts: Counts | None = None, notes: Mapping[str, str] | None = None) -> str:
    """The journey as an SVG document; with `counts`, each step shows how many, with `notes` what else is to be said."""
    drawing = _Drawing(campaign, counts or {}, notes or {})
    title = f"{campaign.title} ({campaign.campaign})"
    return sheet(drawing.whole(), name=campaign.campaign, title=title, description=description(campaign))


def description(campaign: Campaign) -> str:
    """The journey in words, for those who do not see the picture."""
    rules = "; ".join(f"{name}: {text}" if name else text for name, text in _rules(campaign))
    steps = "; ".join(_said(campaign))
    return f"{rules}. Steps: {steps}."


def _rules(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """What holds for the whole journey, as name and text."""
    if isinstance(campaign, Broadcast):
        yield "announced to", campaign.enter.when
        yield "leaves", f"{campaign.at} by {'the shop' if campaign.where == 'shop' else 'each contact'}'s clock"
    else:
        yield from _entering(campaign)
    if campaign.unless:
        yield "not if", campaign.unless
    if campaign.goal:
        within = f" (within {length(campaign.goal.within)})" if campaign.goal.within else ""
        yield f"goal{within}", campaign.goal.when
    for rule in campaign.exit:
        yield f"leaves ({rule.reason}) when", rule.when
    if campaign.holdout:
        yield "", f"{campaign.holdout * 100:g}% held out"


def _entering(campaign: Campaign) -> Iterator[tuple[str, str]]:
    yield "enters when", campaign.enter.when
    key = campaign.enter.once_per
    once = f"once per {key if '(' in key else key.replace('_', ' ')}"
    again = campaign.enter.again_after
    yield "", once if again is None else f"{once}, again after {length(again)}"


def _said(campaign: Campaign) -> Iterator[str]:
    for loc, step in every_step(campaign.steps):
        kind, *texts = _words(step)
        ways = [_arm_name(arm) for _, arm in arms_of(step, loc)]
        led = f" ({' | '.join(ways)})" if ways else ""
        yield f"{kind} {' '.join(text.words for text in texts)}".strip() + led


def _words(step: Step) -> list[Any]:
    """The kind of a step, and then what its card says."""
    match step:
        case SendStep():
            offer = [Text(f"with the offer {step.coupon}", quiet=True)] if step.coupon else []
            return [_BY[step.channel], Text(step.send), *offer]
        case WaitStep(wait=duration):
            return [f"wait {length(duration)}"]
        case WaitUntilStep(wait_until=UntilTrue() as until):
            after = f"at most {length(until.at_most)}"
            then = {"continue": "", "exit": ", then leaves"}.get(until.otherwise, f", then on at {until.otherwise}")
            return ["wait until", Text(until.when, code=True), Text(after + then, quiet=True)]
        case WaitUntilStep(wait_until=UntilTime() as until):
            on = f" on {', '.join(_DAYS[day] for day in until.on)}" if until.on else ""
            most = [Text(f"at most {length(until.at_most)}", quiet=True)] if until.at_most is not None else []
            return ["wait until", Text(f"{until.at}{on}, local time"), *most]
        case BranchStep():
            return ["branch", Text("the first that holds")]
        case SplitStep():
            return ["split", Text("by lot, always the same")]
        case GoToStep(go_to=name):
            return ["goes on at", Text(name)]
        case ExitStep(exit=reason):
            return ["leaves", Text(reason)]
        case SuppressStep(suppress=channel):
            return ["suppress", Text(f"no more {_BY[channel]}")]
        case _:
            raise AssertionError(step)


def _arm_name(arm: object) -> str:
    if isinstance(arm, SplitArm):
        return f"{arm.name}, weight {arm.weight}"
    return getattr(arm, "when", None) or _OTHERWISE


def _look(step: Step) -> str:
    match step:
        case SendStep():
            return "send"
        case BranchStep() | SplitStep():
            return "ask"
        case ExitStep() | SuppressStep():
            return "out"
        case _:
            return "wait"


class _Drawing:
    """One campaign's cards, put together as its steps are nested."""

    def __init__(self, campaign: Campaign, counts: Counts, notes: Mapping[str, str]) -> None:
        self._campaign = campaign
        self._counts = counts
        self._notes = notes
        self._keys = step_keys(campaign)

    def whole(self) -> Block:
        """From entering to the end."""
        return stack([self._start(), *self._blocks(self._campaign.steps, ("steps",)), self._end()])

    def _start(self) -> Block:
        texts = []
        for name, text in _rules(self._campaign):
            texts += [Text(name, quiet=True), Text(text, code=True)] if name else [Text(text, quiet=True)]
        return box("start", self._campaign.campaign, Text(self._campaign.title), *texts, width=_START_WIDTH)

    def _end(self) -> Block:
        return last_box("done", "end", Text("all steps done"), count=self._counts.get(END))

    def _blocks(self, steps: Sequence[Step], under: Loc) -> list[Block]:
        return [self._block(step, (*under, index)) for index, step in enumerate(steps)]

    def _block(self, step: Step, loc: Loc) -> Block:
        kind, *texts = _words(step)
        key = self._keys[loc]
        texts += [Text(self._notes[key])] if key in self._notes else []
        name = "" if step.name is None or isinstance(step, SendStep) else f" · {step.name}"
        draw = last_box if isinstance(step, GoToStep | ExitStep) else box
        card = draw(_look(step), f"{kind}{name}", *texts, count=self._counts.get(key))
        arms = [
            stack([self._arm_head(arm), *self._blocks(arm.steps, (*arm_loc, "steps"))])
            for arm_loc, arm in arms_of(step, loc)
        ]
        if not arms:
            return card
        if isinstance(step, BranchStep) and all(arm.when is not None for arm in step.branch):
            arms.append(box("arm", _OTHERWISE, width=_NARROW))
        return fan(card, arms)

    def _arm_head(self, arm: object) -> Block:
        name = _arm_name(arm)
        if isinstance(arm, SplitArm):
            return box("arm", f"{arm.name} · weight {arm.weight}")
        if name == _OTHERWISE:
            return box("arm", _OTHERWISE, width=_NARROW)
        return box("arm", "if", Text(name, code=True))


def mermaid(campaign: Campaign, counts: Counts | None = None) -> str:
    """The journey as a Mermaid flow chart; with `counts`, each step shows how many."""
    return "\n".join(_mermaid_lines(campaign, counts or {})) + "\n"


def _mermaid_lines(campaign: Campaign, counts: Counts) -> Iterator[str]:
    nodes = program(campaign).nodes
    yield "flowchart TD"
    yield f"  accTitle: {_one_line(f'{campaign.title} ({campaign.campaign})')}"
    yield f"  accDescr: {_one_line(description(campaign))}"
    rules = "<br/>".join(_entities(f"{name}: {text}" if name else text) for name, text in _rules(campaign))
    yield f'  start(["<b>{_entities(campaign.title)}</b><br/>{rules}"])'
    for index, node in enumerate(nodes):
        if not isinstance(node, ArmUntil):
            before, after = _shape(node)
            count = f"<br/><b>{counts[node.key]:,}</b>" if node.key in counts else ""
            yield f'  n{index}{before}"{_label(node)}{count}"{after}'
    yield f"  start --> n{_shown(nodes, 0)}"
    for index, node in enumerate(nodes):
        if not isinstance(node, ArmUntil):
            for to, label in _edges(node):
                said = f'|"{_entities(label)}"|' if label else ""
                yield f"  n{index} -->{said} n{_shown(nodes, to)}"


def _shown(nodes: Sequence[Node], index: int) -> int:
    """The node that stands for this one: beginning to wait and being held are one."""
    node = nodes[index]
    return node.hold if isinstance(node, ArmUntil) else index


def _shape(node: Node) -> tuple[str, str]:
    match node:
        case Branch() | Split():
            return "{", "}"
        case Wait() | Hold() | LocalTime():
            return "(", ")"
        case Exit() | Suppress():
            return "[[", "]]"
        case Send():
            return "[", "]"
        case _:
            return "([", "])"


def _label(node: Node) -> str:
    match node:
        case Send(step=step):
            return f"{_BY[step.channel]}<br/>{_entities(step.send)}"
        case Wait(duration=duration):
            return f"wait {length(duration)}"
        case Hold(when=when):
            return f"wait until<br/>{_entities(when)}"
        case LocalTime(until=until):
            on = f" on {', '.join(_DAYS[day] for day in until.on)}" if until.on else ""
            return f"wait until {until.at}{on}<br/>local time"
        case Branch():
            return "branch"
        case Split():
            return "split by lot"
        case Exit(reason=reason):
            return f"leaves:<br/>{_entities(reason)}"
        case Suppress(channel=channel):
            return f"suppress {_BY[channel]}"
        case _:
            return "all steps done"


def _edges(node: Node) -> list[tuple[int, str]]:
    """Where a node leads, and by which way."""
    match node:
        case Send() | Wait() | LocalTime() | Suppress():
            return [(node.next, "")]
        case Hold():
            waited = f"after {length(node.at_most)}"
            if node.next == node.otherwise:
                return [(node.next, f"at once, or {waited}")]
            return [(node.next, "when it holds"), (node.otherwise, waited)]
        case Branch():
            ways = [(arm.to, arm.when or _OTHERWISE) for arm in node.arms]
            return ways if any(arm.when is None for arm in node.arms) else [*ways, (node.next, _OTHERWISE)]
        case Split():
            return [(arm.to, f"{arm.name}, weight {arm.weight}") for arm in node.arms]
        case _:
            return []


_ENTITIES = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "|": "#124;", "`": "#96;", "\n": " "}
)


def _entities(text: str) -> str:
    """Text as Mermaid shows it, whatever characters it holds."""
    return text.translate(_ENTITIES)


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace(";", ",")
