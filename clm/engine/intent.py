"""Decides on messages whose words are made, and records the intent to send them, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from clm.channels.protocol import Channel
from clm.content.brand import Brand, sender_name
from clm.content.links import Links
from clm.domain.content import TEAM, ChannelName, Content, Envelope
from clm.domain.delivery import Route
from clm.domain.fingerprint import fingerprint
from clm.domain.hours import open_until
from clm.domain.instant import HOUR_MS
from clm.domain.policy import Candidate, Defer, Policy, Stop, Verdict, authorise, too_late
from clm.domain.reference import reference
from clm.domain.sms import cost, segments
from clm.engine import authorisation, coupons, safety
from clm.engine.handover import Batch, HandOver
from clm.engine.safety import Gate
from clm.store import attempts, contacted, enrolments, leases, stops, withheld
from clm.store.attempts import Intent
from clm.store.database import Found, Transaction
from clm.store.leases import Open, Turn
from clm.store.stops import of_sender, of_version
from clm.store.withheld import Deferred, Ended

_KEPT_MS_MAX = 10 * HOUR_MS
"""The longest that a provider keeps an SMS (Twilio: 36,000 s)."""


@dataclass(slots=True)
class _Sorted:
    """What becomes of the messages of a lot that are not handed over."""

    now: int
    ended: list[Ended] = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    leaving: dict[int, str] = field(default_factory=dict)
    """Enrolments that end with their message, each with the reason."""
    later: list[int] = field(default_factory=list)
    """Given back undecided: it is not their turn, or others have their codes in hand."""

    def withheld(self, row: Found, verdict: Verdict, batch: Batch, gate: Gate, sender: str) -> bool:
        """Whether a message is not handed over, by the policy's verdict, for want of words, or because of a stop."""
        if isinstance(verdict, Stop):
            self.ended.append(Ended(row.id, verdict.status, verdict.reason, verdict.facts))
            if verdict.ends_enrolment:
                self.leaving[row.enrolment_id] = verdict.reason
        elif row.id in batch.unrenderable:
            self.ended.append(Ended(row.id, "dead", batch.unrenderable[row.id]))
        elif isinstance(verdict, Defer):
            self.deferred.append(Deferred(row.id, verdict.until, verdict.reason, verdict.facts))
        elif row.id in batch.codes.lacking:
            self._waits_for_code(row, batch.codes.lacking[row.id])
        elif row.id in batch.codes.awaited or not gate.lets(row, sender):
            self.later.append(row.id)
        else:
            return False
        return True

    def _waits_for_code(self, row: Found, reason: str) -> None:
        """Ask again in a while, and once more at the deadline; then it is over."""
        if self.now >= row.expires_at:
            self.ended.append(Ended(row.id, "expired", too_late(reason)))
        else:
            self.deferred.append(Deferred(row.id, min(self.now + coupons.LOOK_AGAIN_MS, row.expires_at), reason))


@dataclass(frozen=True, slots=True)
class Intending:
    """Everything that decides, for one instant."""

    policy: Policy
    brand: Brand
    links: Links
    channels: Mapping[ChannelName, Channel]
    campaigns: list[str]
    """Those that are live."""
    reference_key: str
    now: int

    def open(self, tx: Transaction, *, clock_now: int) -> Open:
        """What may go out now, as far as stops are concerned."""
        return Gate(stops.standing(tx), clock_now=clock_now).open(self.channels, self.campaigns, self.sender)

    def sender(self, channel: str) -> str:
        """What a breaker stops: the domain that mail comes from, the sender of SMS."""
        if channel == "sms":
            return self.brand.sms_sender
        return channel if channel == "webhook" else self.brand.sender.email.rpartition("@")[2].lower()

    def decide(
        self,
        tx: Transaction,
        batch: Batch,
        lot: Mapping[int, int],
        counts: Counter[str],
        *,
        clock_now: int,
        lease_until: int,
    ) -> list[HandOver]:
        """Authorise a lot against what is committed now; returns those whose intent is recorded, counts the others."""
        contact_ids = frozenset(lot.values())
        # Held before anything is read: caps are counted by one dispatcher at a time, and no opt-out is missed.
        contacted.hold(tx, contact_ids)
        rows = leases.leased(tx, batch.token, lock=True, ids=lot.keys(), asked=batch.asked, now=self.now)
        gate = self._gate(tx, rows, clock_now=clock_now)
        busy = leases.contacts_in_hand(tx, contact_ids)
        elsewhere = leases.elsewhere(
            tx,
            contact_ids,
            token=batch.token,
            open_=gate.open(self.channels, self.campaigns, self.sender),
            now=self.now,
            clock_now=clock_now,
        )
        others = authorisation.known(tx, rows, batch.journeys, self.policy, now=self.now)
        handing: list[HandOver] = []
        sorted_ = _Sorted(self.now)
        codeless = coupons.gone(tx, batch.codes, rows) | coupons.come(tx, batch.codes, lot)
        names = authorisation.names_of(batch.asked)
        for row in rows:
            key, turn = (row.campaign, row.version), Turn(row.queue_rank, row.due_at, row.id)
            # Of a version that was not known when the words were made, words and questions are others; and so are the
            # words where the code in them has gone, or where one has come since there was none.
            unready = key not in batch.journeys or row.id in codeless
            if unready or row.contact_id in busy or elsewhere.get(row.contact_id, turn) < turn:
                sorted_.later.append(row.id)
                continue
            journey = batch.journeys[key]
            if journey is None:
                sorted_.ended.append(Ended(row.id, "dead", "its version of the campaign cannot be read any more"))
                continue
            candidate = authorisation.candidate(row, journey, others, self.policy, team=self.brand.team.email)
            verdict = authorise(candidate, authorisation.facts(row, names), self.policy, self.now)
            if not sorted_.withheld(row, verdict, batch, gate, self.sender(row.channel)):
                busy.add(row.contact_id)  # one at a time: their next message waits for the next batch
                envelope = self._envelope(row, candidate, batch.contents[row.id])
                sender = self.sender(row.channel)
                handing.append(HandOver(envelope, row.attempts + 1, batch.token, lease_until, sender, row.version))
        self._withhold(tx, sorted_, batch.token, counts)
        self._spend(tx, gate)
        coupons.give(tx, batch.codes, [one.envelope.message_id for one in handing], now=self.now)
        intents = [self._intent(one) for one in handing]
        attempts.intend(tx, intents, token=batch.token, lease_until=lease_until, now=self.now)
        return handing

    def _withhold(self, tx: Transaction, sorted_: _Sorted, token: str, counts: Counter[str]) -> None:
        """Record what is not handed over now, and count it."""
        withheld.stop(tx, sorted_.ended, now=self.now)
        withheld.defer(tx, sorted_.deferred, now=self.now)
        enrolments.leave(tx, sorted_.leaving, now=self.now)
        if sorted_.later:
            leases.release(tx, sorted_.later, token=token)
        counts.update(one.status for one in sorted_.ended)
        if sorted_.deferred:
            counts["deferred"] += len(sorted_.deferred)

    def _gate(self, tx: Transaction, rows: list[Found], *, clock_now: int) -> Gate:
        """The stops that stand; new versions that go to contacts for real get theirs first."""
        canary = self.policy.delivery.canary
        to_contacts = {(row.campaign, row.version) for row in rows if row.channel not in TEAM}
        live = {(row.campaign, row.version) for row in rows if self.channels[row.channel].live}
        if canary is not None and to_contacts & live:
            safety.hatch_canaries(tx, canary, to_contacts & live, now=self.now)
        standing = stops.standing(tx)
        # Only those of which this lot may spend: one with places left may stand for long, and all would queue up there.
        scopes = {of_version(*one) for one in to_contacts} | {
            of_sender(channel, self.sender(channel)) for channel in {row.channel for row in rows}
        }
        spendable = {stop.id for stop in standing if stop.allowed and stop.scope in scopes}
        if spendable:
            held = stops.standing(tx, lock=spendable)
            standing = [stop for stop in standing if stop.id not in spendable] + held
        return Gate(standing, clock_now=clock_now)

    def _spend(self, tx: Transaction, gate: Gate) -> None:
        for stop, count in gate.spent().items():
            delivery = self.policy.delivery
            wait = safety.REFUSED_PAUSE_MS
            if stop.kind == "canary" and delivery.canary is not None:
                wait = delivery.canary.wait
            elif stop.kind == "breaker" and delivery.breaker is not None:
                wait = delivery.breaker.pause
            stops.spend(tx, stop, count, judged_at=self.now + wait)

    def _intent(self, one: HandOver) -> Intent:
        envelope = one.envelope
        content = envelope.content
        return Intent(
            envelope.message_id,
            one.number,
            envelope.channel,
            envelope.to,
            content.locale,
            content.subject,
            self.channels[envelope.channel].name,
            one.sender,
            # To find an SMS again at its provider; of mail they keep no words.
            fingerprint(content.text) if envelope.channel == "sms" else None,
            *self._price(envelope),
        )

    def _price(self, envelope: Envelope) -> tuple[int | None, float | None]:
        """Of an SMS, its segments and what they cost."""
        if envelope.channel != "sms":
            return None, None
        taken = segments(envelope.content.text)
        route = self.policy.delivery.routes.get("sms", Route())
        return taken.count, cost(taken, envelope.to, route.price_per_segment)

    def _envelope(self, row: Found, candidate: Candidate, content: Content) -> Envelope:
        names = [name for name in (row.first_name, row.last_name) if name and row.channel not in TEAM]
        sms = row.channel == "sms"
        return Envelope(
            message_id=row.id,
            reference=reference(row.id, self.reference_key),
            channel=row.channel,
            to=candidate.address or "",  # never empty: what has no address is refused
            to_name=" ".join(names) or None,
            sender=self.brand.sms_sender if sms else self.brand.sender.email,
            sender_name=None if sms else sender_name(self.brand, content.locale),
            sender_name_ascii=None if sms else self.brand.sender.name,
            content=content,
            at_ms=self.now,
            headers=self._headers(row),
            labels=(row.campaign, row.step),
            good_until_ms=self._good_until(candidate) if sms else None,
        )

    def _good_until(self, candidate: Candidate) -> int:
        """Its deadline, or what comes before it of the hours in which marketing may arrive."""
        hours = self.policy.hours.get(candidate.channel)
        if hours is None or candidate.purpose == "transactional":
            return candidate.expires_at
        where = candidate.whereabouts.or_at(self.policy.zone)
        return min(candidate.expires_at, open_until(self.now, where, hours, ahead=_KEPT_MS_MAX))

    def _headers(self, row: Found) -> dict[str, str]:
        """Where answers go, and how whoever reads it can leave without reading (RFC 8058)."""
        if row.channel != "email":
            return {}
        headers = {"Reply-To": self.brand.sender.reply_to}
        if row.purpose == "marketing":
            leave = self.links.unsubscribe(row.contact_id)
            headers["List-Unsubscribe"] = f"<{leave}>, <mailto:{self.brand.sender.reply_to}?subject=unsubscribe>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers
