"""What Saffron & Sage sells: about sixty teas, spices and things to make tea with, and who likes what.

Prices are in pence, delivery included. A seasonal product is sold only around its festival (clm.sources.demo.seasons).
All products, names and prices are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

_LINES_MAX = 9
_TRIES_MAX = 4  # at finding something that still fits the sum the customer has in mind
_OVERSHOOT = 1.2  # people accept a basket a little dearer than they had in mind


class Product(NamedTuple):
    """One thing for sale."""

    product_id: str
    name: str
    category: str
    price: int  # pence
    popularity: float  # relative, within its category
    season: str | None  # the festival it is sold for; None all year


class BasketLine(NamedTuple):
    """So many of one product."""

    product: Product
    quantity: int

    @property
    def amount(self) -> int:
        """Pence for the whole line."""
        return self.product.price * self.quantity


CATEGORIES = ("Black tea", "Green tea", "Herbal tea", "Spices", "Teaware", "Gifts")

# name | pence | popularity | festival
_RANGE: dict[str, str] = {
    "Black tea": """
        London Breakfast, 250 g | 950 | 9
        Earl Grey with blue cornflower, 200 g | 1050 | 8
        Assam Second Flush, 200 g | 1250 | 6
        Darjeeling First Flush, 100 g | 1650 | 4
        Ceylon Orange Pekoe, 250 g | 1100 | 6
        Lahijan Black from the Caspian hills, 200 g | 1350 | 5
        Masala Chai, 200 g | 1050 | 8
        Lapsang Souchong, 150 g | 1250 | 3
        Russian Caravan, 200 g | 1200 | 5
        Karak Chai with Cardamom, 200 g | 1150 | 6
        Keemun Mao Feng, 100 g | 1750 | 2
        Decaf English Breakfast, 40 bags | 650 | 4
        Christmas Chai with Orange Peel, 150 g | 1150 | 8 | Christmas
    """,
    "Green tea": """
        Sencha, 150 g | 1150 | 7
        Jasmine Pearls, 100 g | 1550 | 6
        Gunpowder, 200 g | 850 | 5
        Genmaicha, 150 g | 1050 | 4
        Ceremonial Matcha, 30 g | 2450 | 5
        Culinary Matcha, 100 g | 1850 | 4
        Moroccan Mint, 150 g | 950 | 6
        White Peony, 75 g | 1650 | 3
        Silver Needle, 50 g | 2250 | 2
        Songkran Jasmine and Lychee, 100 g | 1250 | 8 | Songkran
    """,
    "Herbal tea": """
        Chamomile Flowers, 75 g | 750 | 7
        Rooibos and Vanilla, 200 g | 850 | 7
        Lemongrass and Ginger, 100 g | 750 | 7
        Hibiscus, 150 g | 750 | 6
        Butterfly Pea Flower, 50 g | 850 | 5
        Peppermint Leaves, 75 g | 650 | 6
        Borage, the Persian Gol Gav Zaban, 50 g | 1150 | 4
        Ivan Chai, fermented fireweed, 100 g | 950 | 4
        Turmeric and Black Pepper, 100 g | 850 | 5
        Iced Peach and Sage, 150 g | 950 | 8 | summer
    """,
    "Spices": """
        Saffron Threads Negin, 1 g | 850 | 9
        Saffron Threads Negin, 5 g | 3450 | 4
        Green Cardamom Pods, 100 g | 950 | 7
        Ceylon Cinnamon Quills, 100 g | 750 | 6
        Sumac, 150 g | 550 | 5
        Advieh for Rice, 80 g | 650 | 4
        Baharat, 100 g | 650 | 5
        Zaatar, 150 g | 650 | 6
        Dried Limes, 200 g | 550 | 4
        Rose Petals, 40 g | 650 | 4
        Star Anise, 80 g | 550 | 3
        Long Pepper, 60 g | 750 | 2
        Mulling Spices, 6 bags | 650 | 8 | Christmas
    """,
    "Teaware": """
        Glass Teapot with Strainer, 600 ml | 2650 | 6
        Cast-iron Teapot, 800 ml | 4450 | 3
        Set of 6 Estekan Tea Glasses | 2250 | 4
        Stoneware Mug | 1250 | 7
        Bamboo Matcha Whisk | 1350 | 4
        Steel Tea Infuser | 550 | 7
        Tea Tin, 200 g | 750 | 6
        Brass Mortar and Pestle | 2950 | 2
        Travel Flask with Filter | 1950 | 5
    """,
    "Gifts": """
        Discovery Box, 12 teas | 1950 | 7
        Spice Kitchen Box, 8 jars | 2950 | 5
        Afternoon Tea Hamper | 5950 | 2
        Gift Card | 2500 | 4
        Advent Calendar, 24 teas | 2950 | 9 | Christmas
        Nowruz Box with saffron and sweets | 3450 | 9 | Nowruz
        Ramadan Nights Box with karak chai and dates | 2950 | 9 | Eid al-Fitr
        New Year Tea Crackers, 6 pieces | 1650 | 8 | Russian New Year
        Eighth of March Bouquet of blooming teas | 1850 | 8 | Women's Day
    """,
}


def _read_range() -> tuple[Product, ...]:
    products: list[Product] = []
    for category, text in _RANGE.items():
        for row in text.strip().splitlines():
            name, price, popularity, *season = (cell.strip() for cell in row.split("|"))
            number = len(products) + 101
            products.append(
                Product(f"P{number}", name, category, int(price), float(popularity), season[0] if season else None)
            )
    return tuple(products)


PRODUCTS = _read_range()
OUT_OF_STOCK = frozenset({"P111", "P145"})
"""Sold until a moment ago; the next delivery is awaited."""

# How much more or less than in London each category is liked, in the order of CATEGORIES.
_TASTES: dict[str, tuple[float, ...]] = {
    "GB": (1.6, 1.0, 1.0, 0.9, 0.7, 0.5),
    "IR": (1.4, 0.3, 0.6, 1.6, 0.6, 0.5),
    "AE": (1.2, 0.7, 0.6, 1.5, 0.6, 0.7),
    "TH": (0.6, 1.5, 1.4, 0.5, 0.8, 0.5),
    "RU": (1.8, 0.9, 0.9, 0.5, 0.6, 0.7),
}
_AFFINITY_SHAPE = 0.7  # below 1: most people love one or two categories and rarely touch the others
_SEASONAL_LIFT = 2.5


@dataclass(frozen=True, slots=True)
class Taste:
    """How likely one customer is to reach for each category."""

    cumulative: tuple[float, ...]

    def category(self, rng: random.Random) -> str:
        """A category this customer reaches for."""
        return rng.choices(CATEGORIES, cum_weights=self.cumulative)[0]


def draw_taste(rng: random.Random, country: str) -> Taste:
    """A customer's own liking of the categories: a Dirichlet draw around the country's taste."""
    running, cumulative = 0.0, []
    for liking in _TASTES[country]:
        running += rng.gammavariate(_AFFINITY_SHAPE, liking) + 0.02
        cumulative.append(running)
    return Taste(tuple(cumulative))


class Shelf:
    """What is for sale on a day, given the festivals near it."""

    def __init__(self, festivals: frozenset[str]) -> None:
        self._choices: dict[str, tuple[list[Product], list[float]]] = {}
        for category in CATEGORIES:
            products = [p for p in PRODUCTS if p.category == category and (p.season is None or p.season in festivals)]
            weights = [p.popularity * (_SEASONAL_LIFT if p.season else 1) for p in products]
            self._choices[category] = (products, weights)

    def pick(self, rng: random.Random, category: str) -> Product:
        """A product of `category`, the popular and the seasonal ones more often."""
        products, weights = self._choices[category]
        return rng.choices(products, weights)[0]


def fill_basket(rng: random.Random, *, taste: Taste, shelf: Shelf, budget: int) -> list[BasketLine]:
    """A basket of real products whose sum comes near `budget` (pence); never empty, at most 9 lines."""
    quantities: dict[Product, int] = {}
    left = budget
    tries = 0
    while tries < _TRIES_MAX and len(quantities) < _LINES_MAX:
        product = shelf.pick(rng, taste.category(rng))
        if product.price > left * _OVERSHOOT:
            tries += 1
            if quantities or tries < _TRIES_MAX:
                continue
            product = shelf.pick(rng, "Spices")  # somebody with little to spend still buys some small thing
        quantity = 2 if product.price * 2 < left and rng.random() < 0.18 else 1
        quantities[product] = quantities.get(product, 0) + quantity
        left -= product.price * quantity
    return [BasketLine(product, quantity) for product, quantity in quantities.items()]


def basket_amount(lines: list[BasketLine]) -> int:
    """Pence for the whole basket."""
    return sum(line.amount for line in lines)
