"""MJML's own validator on every shipped mail in every language, as one of all facts fills it in.

Run: python -m tests.judges.mjml [command]; the command is `npx --yes mjml@4.18.0` unless another is named.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from clm.content.brand import spoken
from clm.content.context import plain
from clm.content.locale import direction
from clm.content.sandbox import Sandbox, short_range
from clm.engine.workspace import Project
from tests.judges.mails import PROJECT, Mail, every_mail, project

VALIDATOR = ("npx", "--yes", "mjml@4.18.0")
_INCLUDE = re.compile(r'<mj-include path="_base/([^"]+)"\s*/>')


def main(command: tuple[str, ...]) -> int:
    """Validate all mails and print what is wrong; returns the exit status."""
    shipped = project()
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, mail in enumerate(every_mail(shipped)):
            path = Path(folder) / f"{number:04}.mjml"
            path.write_text(_filled_in(mail, shipped), encoding="utf-8")
            names[path.name] = mail.name
        ran = subprocess.run(
            [*command, "--validate", *sorted(names)], cwd=folder, capture_output=True, text=True, check=False
        )
    said = (ran.stdout + ran.stderr).strip()
    for file, name in names.items():
        said = said.replace(file, name)
    if ran.returncode or "Error" in said or re.search(r"Line \d+", said):
        print(said or f"{command[0]} has failed with {ran.returncode}")
        return 1
    print(f"{len(names)} mails are valid MJML")
    return 0


def _filled_in(mail: Mail, shipped: Project) -> str:
    """The MJML of a mail, its parts and values written into it."""
    reading = mail.reading
    folder = PROJECT / "templates" / reading.campaign.campaign / reading.step.send / reading.locale
    source = (folder / "body.mjml").read_text(encoding="utf-8")
    for _ in range(2):  # parts include texts
        source = _INCLUDE.sub(lambda found: _part(found[1], reading.locale), source)
    constants = {"direction": direction(reading.locale)}
    values = {
        **plain(mail.reader, ""),
        **constants,
        "brand": plain(spoken(shipped.brand, reading.locale), "brand"),
        "locale": reading.locale,
        "range": short_range,
    }
    return Sandbox(autoescape=True).compile_words(source, constants).render(values)


def _part(name: str, locale: str) -> str:
    shared = PROJECT / "templates" / "_base"
    path = next(path for path in (shared / locale / name, shared / name) if path.is_file())
    return path.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:]) or VALIDATOR))
