"""Accounts of the team: a password that is kept as a hash alone, and ends with the account."""

from __future__ import annotations

import pytest

from clm.engine import staff
from clm.errors import ClmError
from clm.store import staff as stored
from clm.store.database import Database
from tests.engine.shop import NOW

PASSWORD = "three small teapots"


def test_an_account_is_made_changed_and_taken_away(database: Database) -> None:
    """Whoever has the name and the password is let in, with a seal that another password breaks."""
    staff.add(database, "nadia", PASSWORD, now=NOW)
    seal = staff.sign_in(database, "nadia", PASSWORD)
    assert seal is not None
    assert seal == staff.seal(database, "nadia")
    assert staff.sign_in(database, "nadia", "something else") is None
    staff.change(database, "nadia", "another one altogether")
    assert staff.seal(database, "nadia") not in (None, seal)
    assert [one.name for one in staff.accounts(database)] == ["nadia"]
    staff.remove(database, "nadia")
    assert staff.seal(database, "nadia") is None
    with database.read() as tx:
        assert stored.password_hash(tx, "nadia") is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_will_not_do_is_refused_with_the_remedy(database: Database) -> None:
    """A short password, a strange name, a name that is taken, and one that nobody has."""
    with pytest.raises(ClmError, match="12 to 200 characters"):
        staff.add(database, "nadia", "short", now=NOW)
    with pytest.raises(ClmError, match="small letters"):
        staff.add(database, "Nadia <x>", PASSWORD, now=NOW)
    staff.add(database, "nadia", PASSWORD, now=NOW)
    with pytest.raises(ClmError, match="clm staff password nadia"):
        staff.add(database, "nadia", PASSWORD, now=NOW)
    with pytest.raises(ClmError, match="clm staff list"):
        staff.change(database, "bob", PASSWORD)
