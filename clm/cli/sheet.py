"""A contact sheet: one page on which every message of a preview stands side by side, a column for each language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from clm.engine.preview import Shown

Files = Mapping[str, str]
"""Names in the sheet's own folder, by what they show: html, text, desktop, phone, dark."""

_ON_A_PHONE = 40
"""Characters of a subject that the list of a phone's mail program shows."""

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 1.5rem; font: 16px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; }
th, td { padding: .5rem .75rem; border-bottom: 1px solid #8884; text-align: start; vertical-align: top; }
img { display: block; max-width: none; border: 1px solid #8884; }
.desktop { width: 420px; }
.phone, .dark { width: 234px; }
.pictures { display: flex; gap: .75rem; align-items: flex-start; }
iframe { width: 640px; height: 700px; border: 1px solid #8884; background: #fff; }
pre { max-width: 26rem; padding: .75rem; border: 1px solid #8884; border-radius: .75rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: inherit; }
.fault { font-weight: 600; }
""".strip()


def sheet(title: str, shown: Sequence[tuple[Shown, Files]], *, first: Sequence[str] = ()) -> str:
    """The page, as HTML that needs nothing but the files beside it; the languages of `first` come in that order."""
    there = dict.fromkeys(one.locale for one, _ in shown)
    locales = [*(one for one in first if one in there), *(one for one in there if one not in first)]
    steps = list(dict.fromkeys(one.step.send for one, _ in shown))
    cells = {(one.step.send, one.locale): "\n".join(_parts(one, files)) for one, files in shown}
    head = "".join(f'<th scope="col">{escape(locale)}</th>' for locale in locales)
    rows = "".join(
        f'<tr><th scope="row">{escape(step)}</th>'
        + "".join(f"<td>{cells.get((step, locale), '–')}</td>" for locale in locales)
        + "</tr>\n"
        for step in steps
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f'<body><h1>{escape(title)}</h1>\n<table><thead><tr><th scope="col">step</th>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table>\n</body></html>\n"
    )


def _parts(one: Shown, files: Files) -> Iterator[str]:
    if one.content is None:
        yield f'<p class="fault">{escape(one.fault or "")}</p>'
        return
    if one.content.subject:
        length = f'<small dir="ltr">{len(one.content.subject)} of about {_ON_A_PHONE}</small>'
        yield f'<p dir="auto"><strong>{escape(one.content.subject)}</strong> {length}</p>'
    pictures = [name for name in ("desktop", "phone", "dark") if name in files]
    if pictures:
        taken = "".join(
            f'<a href="{escape(files["html"])}">'
            f'<img class="{name}" src="{escape(files[name])}" alt="{escape(one.step.send)}, {name}"></a>'
            for name in pictures
        )
        yield f'<div class="pictures">{taken}</div>'
    elif "html" in files:
        yield f'<iframe sandbox loading="lazy" title="{escape(one.step.send)}" src="{escape(files["html"])}"></iframe>'
    else:
        yield f'<pre dir="auto">{escape(one.content.text)}</pre>'
    if "text" in files:
        yield f'<p><a href="{escape(files["text"])}">text</a></p>'
