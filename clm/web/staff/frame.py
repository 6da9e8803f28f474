"""A mail's HTML as a document of its own, shut in, in the light or the dark."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.responses import HTMLResponse, Response

from clm.web.staff.desk import FRAME_HEADERS

_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)
_OPENS_ELSEWHERE = '<base target="_blank">'


def in_scheme(html: str, *, dark: bool) -> str:
    """The mail as a reader sees it whose device is dark, or light, whatever the device is that it is looked at with."""
    return _DARK.sub("@media all" if dark else "@media not all", html)


def framed(html: str, *, dark: bool = False, hosts: Collection[str] | None = None) -> Response:
    """What stands in the frame; its links open in a tab of their own, pictures come from anywhere, or `hosts` alone."""
    html = _HEAD.sub(lambda found: found[0] + _OPENS_ELSEWHERE, in_scheme(html, dark=dark), count=1)
    headers = dict(FRAME_HEADERS)
    if hosts is not None:
        pictures = " ".join(f"https://{host}" for host in sorted(hosts))
        headers["Content-Security-Policy"] = headers["Content-Security-Policy"].replace("https:", pictures)
    return HTMLResponse(html, headers=headers)
