"""Boxes and lines: what a diagram is put together of, as SVG that needs nothing else.

Every block is drawn around x = 0 from y = 0 downwards; whoever puts blocks together moves them. Widths of texts are
estimated, generously, because nothing here knows the reader's fonts.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BOX_WIDTH = 248
LINE = 18
PAD = 12
GAP = 30
COLUMN_GAP = 20
MARGIN = 20
_PLAIN_WIDTH = 7.1
_CODE_WIDTH = 7.3
_LINES_MAX = 6
_SHRINKS = "max-width: 100%; height: auto"

STYLE = """
.clm { --paper: #ffffff; --ink: #1f2430; --soft: #5b6472; --line: #8a93a3; --card: #f4f6f9; --edge: #c9d0da;
  --send: #e6f0ff; --send-edge: #5b8def; --ask: #fff4dc; --ask-edge: #d19a2a; --out: #fdeaea; --out-edge: #d06060;
  --done: #e7f6ec; --done-edge: #4d9e6a; font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
@media (prefers-color-scheme: dark) { .clm { --paper: #14171d; --ink: #e8ebf0; --soft: #a3acba; --line: #7d8797;
  --card: #1e232c; --edge: #3a4350; --send: #17294a; --send-edge: #6d9bf5; --ask: #3a2f14; --ask-edge: #d9a83f;
  --out: #40201f; --out-edge: #dd7a78; --done: #16321f; --done-edge: #5fb37d; } }
.clm .paper { fill: var(--paper); }
.clm .box { fill: var(--card); stroke: var(--edge); stroke-width: 1.2; }
.clm .send .box { fill: var(--send); stroke: var(--send-edge); }
.clm .ask .box { fill: var(--ask); stroke: var(--ask-edge); }
.clm .out .box { fill: var(--out); stroke: var(--out-edge); }
.clm .start .box, .clm .done .box { fill: var(--done); stroke: var(--done-edge); }
.clm .line { fill: none; stroke: var(--line); stroke-width: 1.4; }
.clm .tip { fill: var(--line); }
.clm text { fill: var(--ink); font-size: 13.5px; }
.clm .start .words { font-weight: 600; }
.clm .kind { fill: var(--soft); font-size: 11.5px; }
.clm .code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
.clm .count { font-size: 11.5px; font-weight: 600; }
.clm .pill { fill: var(--paper); stroke: var(--edge); }
""".strip()


@dataclass(frozen=True, slots=True)
class Block:
    """Something drawn; `open` says whether a line leads out of its bottom."""

    width: float
    height: float
    svg: str
    open: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """Words in a box, wrapped; `code` are conditions, as they stand in the file."""

    words: str
    code: bool = False
    quiet: bool = False

    def lines(self, width: float) -> list[str]:
        """The words, in lines that fit; what is far too long is cut, and stands whole in the description."""
        letters = int((width - 2 * PAD) / (_CODE_WIDTH if self.code else _PLAIN_WIDTH))
        found = textwrap.wrap(self.words, letters, break_long_words=True) or [""]
        if len(found) > _LINES_MAX:
            found = [*found[: _LINES_MAX - 1], found[_LINES_MAX - 1][: letters - 2] + " …"]
        return found


def box(look: str, kind: str, *texts: Text, count: int | None = None, width: float = BOX_WIDTH) -> Block:
    """A card: its kind in small letters, then what it says, and in the corner how many people."""
    return _card(look, kind, texts, count=count, width=width, is_open=True)


def last_box(look: str, kind: str, *texts: Text, count: int | None = None, width: float = BOX_WIDTH) -> Block:
    """A card that nothing follows."""
    return _card(look, kind, texts, count=count, width=width, is_open=False)


def _card(look: str, kind: str, texts: Sequence[Text], *, count: int | None, width: float, is_open: bool) -> Block:
    left = -width / 2 + PAD
    y = PAD + 10.0
    parts = [f'<text class="kind" x="{left:g}" y="{y:g}">{escape(kind)}</text>']
    for text in texts:
        for line in text.lines(width):
            y += LINE
            look_of_text = "code" if text.code else "kind" if text.quiet else "words"
            parts.append(f'<text class="{look_of_text}" x="{left:g}" y="{y:g}">{escape(line)}</text>')
    height = y + PAD
    if count is not None:
        shown = f"{count:,}"
        wide = 14 + 7.2 * len(shown)
        x = width / 2 - wide - 8
        parts.append(
            f'<rect class="pill" x="{x:g}" y="8" width="{wide:g}" height="18" rx="9"/>'
            f'<text class="count" x="{x + wide / 2:g}" y="21" text-anchor="middle">{shown}</text>'
        )
    frame = f'<rect class="box" x="{-width / 2:g}" y="0" width="{width:g}" height="{height:g}" rx="8"/>'
    return Block(width, height, f'<g class="{look}">{frame}{"".join(parts)}</g>', is_open)


def stack(blocks: Sequence[Block]) -> Block:
    """Blocks one below the other, joined by arrows; a dashed one where people come from elsewhere alone."""
    parts: list[str] = []
    y = 0.0
    leads = False
    for number, block in enumerate(blocks):
        if number:
            parts.append(_arrow(y, y + GAP) if leads else _from_elsewhere(y, y + GAP))
            y += GAP
        parts.append(_moved(block, 0, y))
        y += block.height
        leads = block.open
    return Block(max((block.width for block in blocks), default=0), y, "".join(parts), leads if blocks else True)


def fan(head: Block, arms: Sequence[Block]) -> Block:
    """A block from which several ways lead, side by side, and come together below where they go on."""
    width = sum(arm.width for arm in arms) + COLUMN_GAP * (len(arms) - 1)
    forks, top = head.height + GAP / 2, head.height + GAP
    bottom = top + max(arm.height for arm in arms)
    joins = bottom + GAP / 2
    parts = [_moved(head, 0, 0)]
    x = -width / 2
    for arm in arms:
        centre = x + arm.width / 2
        x += arm.width + COLUMN_GAP
        parts.append(f'<path class="line" d="M0 {head.height:g}V{forks:g}H{centre:g}V{top:g}"/>')
        parts.append(_moved(arm, centre, top))
        if arm.open:
            parts.append(f'<path class="line" d="M{centre:g} {top + arm.height:g}V{joins:g}H0"/>')
    is_open = any(arm.open for arm in arms)
    return Block(max(width, head.width), joins if is_open else bottom, "".join(parts), is_open)


def sheet(block: Block, *, name: str, title: str, description: str) -> str:
    """The whole drawing as one SVG document, for light and dark, with words for those who do not see it."""
    width, height = block.width + 2 * MARGIN, block.height + 2 * MARGIN
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="clm" {size} style="{_SHRINKS}"'
        f' role="img" aria-labelledby="title-{name} description-{name}">\n'
        f'<title id="title-{name}">{escape(title)}</title>\n'
        f'<desc id="description-{name}">{escape(description)}</desc>\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" width="100%" height="100%" rx="12"/>\n'
        f"{_moved(block, width / 2, MARGIN)}\n</svg>\n"
    )


def without_style(svg: str) -> str:
    """A drawing for a page whose own stylesheet holds STYLE, and that allows no other."""
    return svg.replace(f"<style>{STYLE}</style>\n", "").replace(f' style="{_SHRINKS}"', "")


def _moved(block: Block, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{block.svg}</g>'


def _arrow(start: float, end: float) -> str:
    tip = f'<path class="tip" d="M-4.5 {end - 8:g}H4.5L0 {end:g}Z"/>'
    return f'<path class="line" d="M0 {start:g}V{end - 7:g}"/>{tip}'


def _from_elsewhere(start: float, end: float) -> str:
    middle = (start + end) / 2 - 4
    tip = f'<path class="tip" d="M-4.5 {end - 8:g}H4.5L0 {end:g}Z"/>'
    return f'<path class="line" stroke-dasharray="3 3" d="M-40 {middle:g}H0V{end - 7:g}"/>{tip}'
