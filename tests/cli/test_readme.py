"""What the README counts is so many."""

from __future__ import annotations

import re

from tests.cli.conftest import ROOT

NUMBERS = {14: "fourteen", 15: "fifteen", 16: "sixteen", 17: "seventeen", 18: "eighteen", 19: "nineteen"}


def test_the_readme_counts_the_campaigns_that_there_are() -> None:
    """As many ship as there are files, and as many run as are live."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "config" / "campaigns").glob("*.yaml")]
    live = [text for text in files if "\nstatus: live\n" in text]
    assert re.findall(r"runs (\w+) campaigns", readme) == [NUMBERS[len(live)]]
    assert re.findall(r"The (\w+) that ship", readme) == [NUMBERS[len(files)]]
