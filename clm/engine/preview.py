"""What a message would be: as made-up readers would get it, or somebody who is known; and test sends of it.

Nothing is decided or recorded here. Links lead nowhere, so that nobody who tries one speaks for somebody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from clm.channels.outbox import TEST_OF
from clm.channels.protocol import Channel
from clm.content.brand import hosts_of, sender_name
from clm.content.links import Links, Purpose, sample_url
from clm.content.locale import chain
from clm.content.personas import PERSONAS, sample_code, sample_coupon
from clm.domain.campaign import Campaign, SendStep
from clm.domain.content import TEAM, Content, Envelope
from clm.domain.outcome import Outcome, Rejected
from clm.engine.blocks import Blocks
from clm.engine.handover import Leased
from clm.engine.journey import Journeys
from clm.engine.material import gather
from clm.engine.proofreading import Reading, readers
from clm.engine.signed_links import keys_of
from clm.engine.words import Writer
from clm.engine.workspace import Project
from clm.errors import ClmError, RenderError
from clm.settings import Settings
from clm.store import previewed, suppressions
from clm.store.database import Database, Found, Transaction

TEST = "[test] "


class SampleLinks(Links):
    """Links that look like a reader's own, and open nothing."""

    def _url(self, purpose: Purpose, number: int, *, bound: bytes = b"") -> str:
        del number, bound
        return sample_url(self._public_url, purpose)


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as somebody would get it, or why it cannot be written."""

    step: SendStep
    locale: str
    """The reader's; that of the words stands with them."""
    content: Content | None
    fault: str | None = None

    @property
    def substitute(self) -> str | None:
        """The language of the words where it is not the reader's own, for want of words in theirs."""
        used = self.content.locale if self.content else None
        return None if used in chain(self.locale, "") else used


@dataclass(frozen=True, slots=True)
class Preview:
    """Makes the words of one project's messages at `now` (milliseconds since 1970 UTC)."""

    project: Project
    settings: Settings
    now: int

    def of_persona(self, campaign: Campaign, step: SendStep, locale: str, persona: str = PERSONAS[0]) -> Content:
        """What a made-up reader (clm.content.personas) would get; raises RenderError where the words cannot be made."""
        reading = Reading(campaign, step, locale)
        context = readers(self.project, self.settings, reading, now=self.now)[persona]
        return self.project.library.render(campaign.campaign, step.send, step.channel, locale, context)

    def of_contact(self, database: Database, campaign: Campaign, step: SendStep, contact_id: int) -> Content:
        """What a contact would get, of their own facts and products; raises RenderError, or ClmError for nobody.

        A coupon is theirs only once it is sent, so that one with a made-up code stands in its place.
        """
        with database.read() as tx:
            row = self._row(tx, campaign, step, contact_id)
            material = gather(tx, [row], self._blocks)
        leased = Leased(
            token="",
            rows=[row],
            journeys={(row.campaign, row.version): Journeys(self.project.configuration).today(campaign)},
            asked=(),
            material=material.beside({row.id: self._given(step, row)}),
        )
        batch = self._writer.write(leased)
        if row.id in batch.unrenderable:
            raise RenderError(batch.unrenderable[row.id])
        return batch.contents[row.id]

    def to_persona(
        self, campaign: Campaign, step: SendStep, locales: Collection[str] | None, persona: str
    ) -> list[Shown]:
        """The message in each language that there are words in, or as readers of `locales` alone would get it.

        Somebody of the team gets no other language for want of theirs: such a step is left out.
        """
        there = self.project.library.locales(campaign.campaign, step.send)
        last = "" if step.channel in TEAM else self.project.configuration.shop.default_locale
        asked = [one for one in locales or () if any(name in there for name in chain(one, last))]
        found = []
        for locale in there if locales is None else asked:
            try:
                found.append(Shown(step, locale, self.of_persona(campaign, step, locale, persona)))
            except RenderError as error:
                found.append(Shown(step, locale, None, str(error)))
        return found

    def to_contact(self, database: Database, campaign: Campaign, step: SendStep, contact_id: int) -> Shown:
        """The message as a contact would get it."""
        try:
            content = self.of_contact(database, campaign, step, contact_id)
        except RenderError as error:
            return Shown(step, "–", None, str(error))
        return Shown(step, content.locale, content)

    def send(
        self, content: Content, step: SendStep, to: str, channel: Channel, *, campaign: str, message_id: int
    ) -> Outcome:
        """Hand a message over as a test, once, to somebody of the team; no table knows of it.

        It says of which campaign and step it is; `message_id` names it in the outbox alone. Raises nothing: what comes
        of it is an Outcome.
        """
        sms = step.channel == "sms"
        brand = self.project.brand
        envelope = Envelope(
            message_id=message_id,
            reference=f"test-{message_id}",
            channel=step.channel,
            to=to,
            to_name=None,
            sender=brand.sms_sender if sms else str(brand.sender.email),
            sender_name=None if sms else sender_name(brand, content.locale),
            sender_name_ascii=None if sms else brand.sender.name,
            content=replace(content, subject=f"{TEST}{content.subject}" if content.subject else None),
            at_ms=self.now,
            headers={TEST_OF: f"{campaign}/{step.send}"} | ({} if sms else {"Reply-To": str(brand.sender.reply_to)}),
            labels=("test",),
        )

        async def over() -> Outcome:
            try:
                return await channel.deliver(envelope)
            finally:
                await channel.close()

        return asyncio.run(over())

    def _row(self, tx: Transaction, campaign: Campaign, step: SendStep, contact_id: int) -> Found:
        row = previewed.as_if_leased(
            tx,
            contact_id,
            campaign=campaign.campaign,
            version=campaign.version,
            step=step.send,
            channel=step.channel,
            now=self.now,
        )
        if row is None:
            raise ClmError("there is no such contact")
        return row

    def _given(self, step: SendStep, row: Found) -> dict[str, object]:
        if step.coupon is None:
            return {}
        offer = self.project.configuration.offers[step.coupon]
        locale = row.locale or self.project.configuration.shop.default_locale
        return {
            "coupon": sample_coupon(offer.kind, locale, now=self.now, code=sample_code(offer))
            | offer.gives(chain(locale, self.project.configuration.shop.default_locale))
        }

    @property
    def _blocks(self) -> Blocks:
        configuration, hosts = self.project.configuration, hosts_of(self.project.brand)
        return Blocks(self.project.library, configuration.help, hosts, self.now, surveys=configuration.surveys)

    @property
    def _writer(self) -> Writer:
        configuration = self.project.configuration
        links = SampleLinks(self.settings.public_url, keys_of(self.settings))
        currency = configuration.shop.base_currency
        return Writer(self.project.library, links, currency, self.now, configuration.surveys)


def test_refusal(database: Database, step: SendStep, to: str) -> Outcome | None:
    """Why no test may go there: whoever wants nothing of us gets none either; None where it may."""
    if step.channel in TEAM:
        return None
    with database.read() as tx:
        found = suppressions.suppressed(tx, {(step.channel, to)})
    reason = found.get((step.channel, to))
    return None if reason is None else Rejected(f"the address is suppressed: {reason}")
