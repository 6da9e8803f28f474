"""Reads config/offers.yaml: what steps with a `coupon` give along."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from clm.domain.naming import Locale, Name
from clm.domain.nearest import nearest
from clm.domain.offer import OFFER_KINDS, Offer, OfferKind
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import Loc, YamlFile

OFFERS_MAX = 200
_VALUES: Mapping[OfferKind, str] = {
    "percent": "percent",
    "amount": "amount",
    "points": "points",
    "gift": "gift",
    "draw_entry": "draw",
}
"""Which setting is the value of which kind; the other kinds have none."""
_EXAMPLES = {
    "percent": "percent: 15",
    "amount": "amount: 5.00",
    "points": "points: 200",
    "gift": "gift: {en: a tin of Assam}",
    "draw": "draw: {en: a weekend in Darjeeling}",
}

_Words = Annotated[
    dict[Locale, Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\r\n]+$")]],
    Field(min_length=1, max_length=100),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfferRow(_Strict):
    """One offer as marketers write it."""

    kind: str
    """One of OFFER_KINDS; what else it says is looked at once this is known."""
    percent: int | None = Field(default=None, ge=1, le=100)
    amount: Decimal | None = Field(default=None, gt=0, le=1_000_000)
    points: int | None = Field(default=None, ge=1, le=10_000_000)
    gift: _Words | None = None
    draw: _Words | None = None
    days: int = Field(ge=1, le=366)
    codes: Literal["generated", "pool"]
    prefix: str | None = Field(default=None, pattern=r"^[A-Z0-9]{2,12}$")
    uses: int = Field(default=1, ge=1, le=1_000_000)
    for_friends: bool = False
    warn_below: int | None = Field(default=None, ge=1, le=1_000_000)


class OffersFile(_Strict):
    """config/offers.yaml."""

    offers: dict[Name, Any] = Field(default_factory=dict, max_length=OFFERS_MAX)
    """Each is read as an OfferRow by itself, so that a misspelt setting is told with those that there are."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One file being read, for a shop with this money and these languages."""

    file: YamlFile
    minor_per_major: int
    locales: Collection[str]

    def offer(self, name: str, said: Any) -> tuple[Offer | None, list[Fault]]:
        """The offer, or what is wrong with it."""
        loc: Loc = ("offers", name)
        try:
            row = OfferRow.model_validate(said)
        except ValidationError as error:
            return None, self.file.faults_of(error, OfferRow, loc)
        kind = next((each for each in OFFER_KINDS if each == row.kind), None)
        if kind is None:
            remedy = f"{nearest(row.kind, OFFER_KINDS)} (known: {', '.join(OFFER_KINDS)})"
            return None, [self.file.fault((*loc, "kind"), f"`{row.kind}` is no kind of offer{remedy}")]
        found = [*self._value_faults(loc, row, kind), *self._code_faults(loc, row)]
        amount = None
        if row.amount is not None:
            minor = row.amount * self.minor_per_major
            amount = int(minor)
            if minor != amount:
                found.append(self.file.fault((*loc, "amount"), "has more decimals than the base currency"))
        if found:
            return None, found
        return Offer(
            name,
            kind,
            row.days,
            prefix=row.prefix,
            uses=row.uses,
            for_friends=row.for_friends,
            warn_below=row.warn_below or 0,
            percent=row.percent,
            amount=amount,
            points=row.points,
            gift=row.gift or {},
            draw=row.draw or {},
        ), []

    def _value_faults(self, loc: Loc, row: OfferRow, kind: OfferKind) -> list[Fault]:
        """The value of its kind is there, no other is, and everybody can read it."""
        needs = _VALUES.get(kind)
        faults = [
            self.file.fault((*loc, other), f"is not of an offer of kind {kind}; leave it out, or change the kind")
            for other in _EXAMPLES
            if other != needs and getattr(row, other) is not None
        ]
        value: Any = getattr(row, needs) if needs else None
        if needs and value is None:
            faults.append(self.file.fault(loc, f"says nothing of its {needs}; write `{_EXAMPLES[needs]}`"))
        if isinstance(value, dict):
            silent = [one for one in self.locales if not {one, one.partition("-")[0]} & value.keys()]
            message = "has no words in {}, which config/clm.yaml names; add them"
            faults += [self.file.fault((*loc, needs or ""), message.format(f"`{one}`")) for one in silent]
        return faults

    def _code_faults(self, loc: Loc, row: OfferRow) -> list[Fault]:
        """Codes that are made here have a prefix, those of a pool run low."""
        if row.codes == "generated":
            faults = []
            if row.prefix is None:
                remedy = "2 to 12 capitals and digits that its codes begin with, `prefix: SPRING`"
                faults.append(self.file.fault(loc, f"needs a `prefix` for the codes that are made for it: {remedy}"))
            if row.warn_below is not None:
                faults.append(self.file.fault((*loc, "warn_below"), "is of a pool; generated codes never run out"))
            return faults
        if row.prefix is not None:
            return [self.file.fault((*loc, "prefix"), "is of generated codes; those of a pool are as they are")]
        return []


def load_offers(folder: Path, *, minor_per_major: int, locales: Collection[str]) -> dict[str, Offer]:
    """The offers under `folder` by name; none where there is no offers.yaml.

    What an offer says in words it has to say in each of the locales. Raises ConfigurationError listing every fault.
    """
    path = folder / "offers.yaml"
    if not path.exists():
        return {}
    file = YamlFile(path)
    reading = _Reading(file, minor_per_major, locales)
    found: dict[str, Offer] = {}
    faults: list[Fault] = []
    for name, said in file.validate(OffersFile).offers.items():
        offer, wrong = reading.offer(name, said)
        faults += wrong
        if offer is not None:
            found[name] = offer
    if faults:
        raise ConfigurationError(faults)
    return found
