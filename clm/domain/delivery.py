"""How messages leave, and what stops them: rates, the circuit breaker, the canary, the blast radius, silence.

All of it is decided in config/policy.yaml; figures of the breaker are those of docs/campaigns.md's sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from clm.domain.instant import DAY_MS, HOUR_MS

Provider = Literal["sendgrid", "smtp", "twilio", "webhook", "outbox"]
IDEMPOTENT: frozenset[Provider] = frozenset({"webhook", "outbox"})
"""Those that may be handed the same message twice, because they tell it by its reference."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard one process may press a provider."""

    at_once: int = 64
    """Messages on their way at the same time, each over a kept-alive connection."""
    per_second: float | None = None
    """Hand-overs a second, None for as many as it takes; a second's worth may go at once after a pause."""
    timeout_seconds: float = 10.0
    """How long one hand-over may take, all told; then its message is in doubt."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who carries a channel once sending is live."""

    by: Provider = "outbox"
    limits: Limits = Limits()
    url: str | None = None
    """Where a webhook is posted to; never from contact data."""
    price_per_segment: Mapping[str, float] = field(default_factory=dict)
    """Of SMS: what one segment costs in the base currency, by the beginning of the number (`+44`); `default` else."""


@dataclass(frozen=True, slots=True)
class Line:
    """When a rate is too high: at least so many cases, and shares (0 to 1) of what was sent."""

    warn: float
    stop: float
    at_least: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a channel and sending domain stop by themselves, and how they try again."""

    within: int = DAY_MS
    """Messages sent in the last so many milliseconds are looked at."""
    bounces: Line = Line(warn=0.01, stop=0.02, at_least=5)
    complaints: Line = Line(warn=0.0008, stop=0.001, at_least=2)
    pause: int = HOUR_MS
    """How long it stays open before it tries again; doubled each time it opens once more."""
    probe: int = 50
    """So many messages go out half-open, and are judged before any other does."""


@dataclass(frozen=True, slots=True)
class Canary:
    """The first live messages of a version of a campaign: so many go, then the others wait and what came is judged."""

    messages: int = 50
    wait: int = HOUR_MS


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """A send far larger than usual is held until a person releases it."""

    times: float = 3.0
    """Larger than so many times the campaign's largest day of the last four weeks …"""
    above: int = 1_000
    """… and than so many messages in a day."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What config/policy.yaml decides of the way out."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    """By channel; a channel without one goes to the local outbox."""
    breaker: Breaker | None = None
    canary: Canary | None = None
    blast_radius: BlastRadius | None = None
    silence: int = DAY_MS
    """How long after it was handed over a message in doubt may still be told of; silence counts only once events of
    later messages have come."""
