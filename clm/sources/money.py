"""Amounts of any currency as integer minor units, and what they are worth in the shop's base currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from babel.numbers import get_currency_precision, list_currencies

MINOR_UNITS_MAX: Final = 10**15
"""Ten trillion pounds: anything above is a slipped column, and sums of amounts stay within 64 bits."""

_CURRENCIES: Final = frozenset(list_currencies())


@dataclass(frozen=True)
class Money:
    """The shop's base currency and what one unit of each other currency is worth in it.

    Minor units follow ISO 4217 (2 decimals for GBP, 0 for JPY, 3 for KWD; figures from CLDR through babel). Both
    conversions round half to even, so that rounding errors do not add up in one direction.
    """

    base: str
    rates: dict[str, Decimal]
    _scales: dict[str, Decimal] = field(default_factory=dict, init=False, repr=False, compare=False)

    def currency(self, text: str) -> str:
        """The ISO 4217 code for `text`; raises ValueError when it is none, or when it has no rate."""
        code = text.upper()
        if code in self._scales:
            return code
        if code not in _CURRENCIES:
            raise ValueError(f"is not an ISO 4217 currency code such as GBP: `{text[:20]}`")
        if code != self.base and code not in self.rates:
            raise ValueError(f"has no rate for {code}: add a rate for it in config/clm.yaml")
        self._scales[code] = Decimal(10) ** get_currency_precision(code)
        return code

    def minor_units(self, amount: Decimal, currency: str) -> int:
        """`amount` of `currency` (checked by `currency()`) in its minor units; raises ValueError beyond the maximum."""
        scale = self._scales.get(currency)
        if scale is None:
            scale = self._scales[self.currency(currency)]
        units = int((amount * scale).to_integral_value(ROUND_HALF_EVEN))
        if abs(units) > MINOR_UNITS_MAX:
            raise ValueError("is larger than any amount of money here may be; is this the right column?")
        return units

    def in_base(self, minor_units: int, currency: str) -> int:
        """Minor units of `currency` in minor units of the base currency, at the configured rate."""
        if currency == self.base:
            return minor_units
        code = self.currency(currency)
        amount = Decimal(minor_units) / self._scales[code] * self.rates[code]
        return self.minor_units(amount, self.base)
