"""Which failures Prefect tries again."""

from __future__ import annotations

import pytest
from prefect.states import Failed

from clm.errors import ConfigurationError, Fault, MappingError, SourceError, StoreBusyError
from tasks.retrying import may_pass


@pytest.mark.parametrize("error", [StoreBusyError("a deadlock"), SourceError("no such file"), OSError("the network")])
def test_what_time_may_mend_is_tried_again(error: Exception) -> None:
    """A database that was busy, a file that is not there yet, a network that was away."""
    assert may_pass(None, None, Failed(data=error))


@pytest.mark.parametrize("error", [MappingError("columns have slipped"), ConfigurationError([Fault("a.yaml", "no")])])
def test_what_a_person_must_mend_is_told_at_once(error: Exception) -> None:
    """A file that does not fit, or a fault in config/, fails without waiting for a second and a third time."""
    assert not may_pass(None, None, Failed(data=error))
