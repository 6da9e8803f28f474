"""The tables of docs/sending.md that say what each answer of a provider means, made of the tables the channels read.

`python -m tests.answers_page` prints them, to be put in place of those between the marks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from clm.channels import answers, smtp_answers, twilio_codes
from clm.channels.answers import Meaning
from clm.domain.outcome import InDoubt

_BECOMES: Mapping[str, str] = {
    "accepted": "sent",
    "rejected": "rejected",
    "not_sent": "queued again",
    "stop": "the channel stops",
    "in_doubt": "in doubt",
}

_ENHANCED: Mapping[str, str] = {"5.": "5.x.x", "5.1.": "5.1.x", "5.7.": "5.7.x"}


def tables() -> str:
    """All of them, one under the other, as Markdown."""
    made = (_http(), _codes(), _transport(), _smtp(), _afterwards())
    return "\n\n".join(made)


def _http() -> str:
    """By status: what SendGrid's, Twilio's and a webhook's answer means; those that mean the same in one row."""
    columns = (answers.SENDGRID, answers.TWILIO, answers.WEBHOOK)
    named = {status for statuses in columns for status in statuses if isinstance(status, int)}
    classes = {status for statuses in columns for status in statuses if isinstance(status, str)}
    rows: dict[tuple[Meaning, ...], list[str]] = {}
    for status in sorted(named):
        rows.setdefault(tuple(answers.of_status(one, status) for one in columns), []).append(str(status))
    for name in sorted(classes):
        others = any(status // 100 == int(name[0]) for status in named)
        rows.setdefault(tuple(one[name] for one in columns), []).append(f"any other {name}" if others else name)
    body = []
    for meanings, statuses in sorted(rows.items(), key=lambda row: row[1][0].removeprefix("any other ")):
        means = [_short(one) for one in meanings]
        body.append((", ".join(statuses), means[0], *("same" if one == means[0] else one for one in means[1:])))
    return _table(("status", "SendGrid", "Twilio", "webhook"), body)


def _codes() -> str:
    """By Twilio's code, in an answer below 500."""
    rows: dict[Meaning, list[int]] = {}
    for code, meaning in answers.TWILIO_CODES.items():
        rows.setdefault(meaning, []).append(code)
    body = [(", ".join(map(str, sorted(codes))), _short(meaning)) for meaning, codes in rows.items()]
    return _table(("Twilio's code", "means"), sorted(body))


def _transport() -> str:
    """What it means where no status came; different errors that mean the same are one row."""
    meanings = dict.fromkeys(meaning for _, meaning in answers.TRANSPORT)
    return _table(("no answer, because", "means"), [(one.says, _BECOMES[one.verdict]) for one in meanings])


def _smtp() -> str:
    """By how far the hand-over had come; the first row that fits counts."""
    rows: list[tuple[str, list[str], str]] = []
    for stage, code, enhanced, meaning in smtp_answers.ANSWERS:
        place, means = str(stage or "anywhere"), _short(meaning)
        answer = f"{code:x<3} {_ENHANCED.get(enhanced, enhanced)}".strip() if code else "any other"
        if rows and (rows[-1][0], rows[-1][2]) == (place, means):
            rows[-1][1].append(answer)
        else:
            rows.append((place, [answer], means))
    silences: tuple[tuple[str, smtp_answers.Stage], ...] = (("before the end", "data"), ("end", "end"))
    for place, began in silences:
        doubt = isinstance(smtp_answers.of_silence(began, ""), InDoubt)
        rows.append((place, ["no answer"], _BECOMES["in_doubt" if doubt else "not_sent"]))
    return _table(
        ("mail server, at", "says", "means"), [(place, ", ".join(says), means) for place, says, means in rows]
    )


def _afterwards() -> str:
    """Twilio's codes of an SMS that did not arrive, told later."""
    rows: dict[str, list[int]] = {}
    for code, why in twilio_codes.SUPPRESSING.items():
        rows.setdefault(f"nothing goes to that number any more ({why})", []).append(code)
    for code, why in twilio_codes.ALERTING.items():
        rows.setdefault(f"people are told: {why}", []).append(code)
    body = [(", ".join(map(str, sorted(codes))), means) for means, codes in rows.items()]
    return _table(("told later by Twilio", "means"), sorted(body))


def _short(meaning: Meaning) -> str:
    more = f"; nothing goes to that address any more ({meaning.suppress})" if meaning.suppress else ""
    more += "; people are told" if meaning.alert else ""
    return f"{_BECOMES[meaning.verdict]}: {meaning.says}{more}"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(tables() + "\n")
