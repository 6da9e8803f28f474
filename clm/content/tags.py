"""Tags of HTML where they are found in its text, whatever stands in their attributes, such as `title="a > b"`."""

from __future__ import annotations

import re

ATTRIBUTES = r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*"
TAG = re.compile(rf"</?[a-zA-Z!]{ATTRIBUTES}>")
IMAGE = re.compile(rf"<img\b({ATTRIBUTES})>", re.IGNORECASE)
_IN_A_LINE = "a|abbr|b|bdi|bdo|em|font|i|mark|s|small|span|strong|sub|sup|u"
INLINE = re.compile(rf"</?(?:{_IN_A_LINE})\b{ATTRIBUTES}>", re.IGNORECASE)
"""Those within a sentence, which no reader sees end there."""
