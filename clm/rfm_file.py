"""Reads config/rfm.yaml: which customers are compared, and what the groups of scores are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from clm.domain.campaign import Duration
from clm.domain.instant import DAY_MS
from clm.domain.naming import Name
from clm.yaml_file import read_yaml

SCORES = (1, 2, 3, 4, 5)


def _row(value: Any) -> Any:
    if isinstance(value, list) and len(value) == len(SCORES) and all(isinstance(one, str) for one in value):
        return value
    raise ValueError(
        "names five groups, for a mean of frequency and monetary score of 1, 2, 3, 4 and 5:"
        " [new, potential_loyalist, potential_loyalist, champions, champions]"
    )


class RfmRules(BaseModel):
    """Recency, frequency and monetary value: the window, and the group of each pair of scores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Duration = 730 * DAY_MS
    """Customers who ordered in this time are ranked, by what they ordered in it."""
    groups: dict[int, Annotated[list[Name], BeforeValidator(_row)]] = Field(default_factory=dict)
    """By recency score, the groups for a mean of frequency and monetary score of 1 to 5, rounded half up.

    Empty, as without the file: scores are computed and nobody is in a group.
    """

    @field_validator("groups", mode="before")
    @classmethod
    def _every_score_has_a_row(cls, groups: Any) -> Any:
        known = {str(score) for score in SCORES}
        if isinstance(groups, dict):
            given = {str(key) for key in groups}
            if given - known:
                raise ValueError(f"`{min(given - known)}` is not a recency score; rows are called 5, 4, 3, 2 and 1")
            if known - given:
                missing = ", ".join(sorted(known - given, reverse=True))
                raise ValueError(f"the row of recency score {missing} is missing; every pair of scores needs a group")
        return groups

    @property
    def names(self) -> frozenset[str]:
        """The groups there are."""
        return frozenset(name for row in self.groups.values() for name in row)

    def group(self, recency: int, frequency: int, monetary: int) -> str | None:
        """The group of three scores."""
        return self.groups[recency][(frequency + monetary + 1) // 2 - 1] if self.groups else None


def load_rfm(folder: Path) -> RfmRules:
    """The rules under `folder`; those without groups where there is no rfm.yaml.

    Raises ConfigurationError listing every fault.
    """
    path = folder / "rfm.yaml"
    return read_yaml(path, RfmRules) if path.exists() else RfmRules()
