"""`clm diagram`: a campaign's journey as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from clm.cli.terminal import err
from clm.config import load_configuration
from clm.domain.nearest import nearest
from clm.errors import ClmError
from clm.insight.diagram import mermaid, svg
from clm.settings import Settings


def diagram(
    campaign: Annotated[str, Parameter(help="The campaign's name, as its file has it.")],
    *,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["mermaid", "svg"], Parameter(help="mermaid for Markdown, svg for pages and mails.")
    ] = "mermaid",
    out: Annotated[Path | None, Parameter(help="Write it to this file instead of printing it.")] = None,
) -> None:
    """Draw a campaign's journey from its file: who enters, each step, and where it may lead.

    Example: clm diagram win_back --format svg --out win_back.svg
    """
    campaigns = {one.campaign: one for one in load_configuration(Settings().config).all_campaigns}
    if campaign not in campaigns:
        known = ", ".join(campaigns)
        raise ClmError(f"there is no campaign `{campaign}`{nearest(campaign, campaigns)} (known: {known})")
    drawn = (svg if format == "svg" else mermaid)(campaigns[campaign])
    if out is None:
        print(drawn, end="")
        return
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ClmError(f"cannot write {out}: {error.strerror}") from None
    err.print(f"drew {campaign} to {out}", markup=False, soft_wrap=True)
