"""E-mail by SendGrid: one message a request, never repeated here."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import orjson
from pydantic import SecretStr
from sendgrid.helpers.mail import (  # type: ignore[import-untyped]
    Category,
    CustomArg,
    From,
    Header,
    HtmlContent,
    Mail,
    Personalization,
    PlainTextContent,
    ReplyTo,
    Subject,
    SubscriptionTracking,
    To,
    TrackingSettings,
)
from sendgrid.helpers.mail.exceptions import ApiKeyIncludedException  # type: ignore[import-untyped]
from yarl import URL

from clm.channels import answers
from clm.channels.exchange import Exchange, Reply
from clm.channels.mime import UnfitMail, ascii_address, extra_headers, require_plain
from clm.channels.rate import Pace
from clm.channels.redact import redacted
from clm.channels.sendgrid_events import REFERENCE_ARG
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.outcome import Outcome, Rejected

BYTES_MAX = 30_000_000
_CATEGORIES_MAX = 10
_CATEGORY_CHARACTERS_MAX = 255
_PROVIDER_ID_CHARACTERS_MAX = 200
_LIST_MARKS = re.compile(r"[;,]+")


class SendGrid:
    """Hands e-mail to SendGrid's v3 API.

    SendGrid takes no idempotency key, so a message whose answer was lost is in doubt. Of its settings only one is
    overruled: no unsubscribe link of theirs beside ours. Opens and clicks are tracked as the account says.
    """

    name = "sendgrid"
    idempotent = False
    live = True

    def __init__(self, key: SecretStr, *, api_url: str, limits: Limits) -> None:
        self.limits = limits
        self._url = URL(api_url.rstrip("/") + "/v3/mail/send")
        self._headers = {"Authorization": f"Bearer {key.get_secret_value()}", "Content-Type": "application/json"}
        self._exchange = Exchange(limits)
        self._pace = Pace(limits.per_second)

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand one e-mail over; what SendGrid would refuse is refused here already."""
        try:
            body = request_body(envelope)
        except UnfitMail as verdict:
            return Rejected(str(verdict))
        reply = await self._exchange.post(self._url, body, self._headers)
        if not isinstance(reply, Reply):
            return answers.outcome(reply, "SendGrid")
        return answers.outcome(
            answers.of_status(answers.SENDGRID, reply.status),
            f"SendGrid {reply.status}",
            provider_id=reply.headers.get("X-Message-Id", "")[:_PROVIDER_ID_CHARACTERS_MAX] or None,
            told=_complaint(reply),
            wait_ms=answers.wait_asked(reply.headers),
        )

    async def turn(self) -> None:
        """Wait for the pace that was asked for."""
        await self._pace.turn()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self._exchange.close()


def request_body(envelope: Envelope) -> bytes:
    """The JSON of one message for POST /v3/mail/send; raises UnfitMail for what the API refuses."""
    try:
        body = orjson.dumps(_mail(envelope).get())
    except ApiKeyIncludedException:
        raise UnfitMail("the words hold a SendGrid key") from None
    except orjson.JSONEncodeError:
        raise UnfitMail("the text is not Unicode") from None
    if len(body) >= BYTES_MAX:
        raise UnfitMail("the mail is larger than 30 MB")
    return body


def _mail(envelope: Envelope) -> Mail:
    content = envelope.content
    subject = content.subject or ""
    require_plain("subject", subject)
    if not subject.strip():
        raise UnfitMail("the mail has no subject")
    if not content.text and not content.html:
        raise UnfitMail("the mail has no words")
    mail = Mail()
    mail.from_email = From(ascii_address("from", envelope.sender), _sender_name(envelope.sender_name))
    mail.subject = Subject(subject)
    person = Personalization()
    person.add_to(To(ascii_address("to", envelope.to), _recipient_name(envelope.to_name)))
    person.add_custom_arg(CustomArg(REFERENCE_ARG, envelope.reference))
    mail.add_personalization(person)
    if content.text:
        mail.add_content(PlainTextContent(content.text))
    if content.html:
        mail.add_content(HtmlContent(content.html))
    for name, value in extra_headers(envelope).items():
        if name.lower() == "reply-to":  # a field of its own here, and refused as a header
            mail.reply_to = ReplyTo(ascii_address("Reply-To", envelope.headers[name]))
        else:
            mail.add_header(Header(name, value.replace("\r\n", "")))
    for label in dict.fromkeys(label[:_CATEGORY_CHARACTERS_MAX] for label in envelope.labels[:_CATEGORIES_MAX]):
        mail.add_category(Category(label))
    mail.tracking_settings = TrackingSettings(subscription_tracking=SubscriptionTracking(enable=False))
    return mail


def _recipient_name(name: str | None) -> str | None:
    """The name without the `;` and `,` that SendGrid reads as a list of people."""
    require_plain("to name", name or "")
    return _one_line(_LIST_MARKS.sub(" ", name or "")) or None


def _sender_name(name: str | None) -> str | None:
    """The name in ASCII, which is all that SendGrid promises to carry in From: `Café` becomes `Cafe`.

    A name in another script has no such form; the mail then comes from the address alone, rather than from `????`.
    """
    require_plain("from name", name or "")
    folded = unicodedata.normalize("NFKD", _LIST_MARKS.sub(" ", name or ""))
    bare = "".join(character for character in folded if not unicodedata.combining(character))
    return (_one_line(bare) or None) if bare.isascii() else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _complaint(reply: Reply) -> str:
    """What SendGrid says is wrong: `{"errors": [{"field", "message"}]}`, or nothing where it says it in HTML."""
    told: Any = reply.json() if reply.status >= 400 else None
    if not isinstance(told, dict) or not isinstance(told.get("errors"), list):
        return ""
    errors = [error for error in told["errors"][:3] if isinstance(error, dict)]
    return redacted("; ".join(f"{error.get('field') or ''} {error.get('message') or ''}".strip() for error in errors))
