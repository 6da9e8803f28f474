"""The list of sabotages fits the code as it is; `make sabotage` shows that each is noticed, and takes a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.reliability.sabotage.__main__ import NotApplicableError, applied
from tests.reliability.sabotage.edits import Edit, Sabotage
from tests.reliability.sabotage.sabotages import SABOTAGES


@pytest.mark.parametrize("one", SABOTAGES, ids=lambda one: one.name)
def test_it_applies(one: Sabotage) -> None:
    """What is replaced stands in the code exactly once, what replaces it is Python, and the tests named are there."""
    for edit in one.edits:
        text = (PROJECT / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.file}: {edit.old}"
        compile(text.replace(edit.old, edit.new), edit.file, "exec")
    for test in one.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (PROJECT / file).read_text(encoding="utf-8")


def test_names_are_unlike() -> None:
    """Each sabotage can be asked for by its name."""
    assert len({one.name for one in SABOTAGES}) == len(SABOTAGES)


def test_a_tree_is_whole_again_after_it_was_broken(tmp_path: Path) -> None:
    """Broken inside, as it was outside; and what does not apply breaks nothing."""
    path = tmp_path / "code.py"
    path.write_text("one\ntwo\n")
    good, bad = Edit("code.py", "one", "1"), Edit("code.py", "three", "3")
    with applied(Sabotage("good", (good,), ()), tmp_path):
        assert path.read_text() == "1\ntwo\n"
    assert path.read_text() == "one\ntwo\n"
    with pytest.raises(NotApplicableError), applied(Sabotage("bad", (good, bad), ()), tmp_path):
        pass
    assert path.read_text() == "one\ntwo\n"
