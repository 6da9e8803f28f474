"""What is wrong with one file of a message, as its reader gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

About = Literal["link", "nameless", "words", "source", "shown"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one file of a template."""

    file: str
    """subject.txt, body.mjml, body.txt, sms.txt or task.txt."""
    message: str
    remedy: str | None = None
    """What to do, where the message does not say it yet."""
    about: About | None = None
    """What of the file it is about; None for all of it. `nameless` is a link, or a picture, that lacks words."""
    clue: str = ""
    """The link, the words or what is not shown, as the reader gets it; or a piece of the source."""
