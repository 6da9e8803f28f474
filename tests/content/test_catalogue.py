"""Files that hold no words, and folders that are not there."""

from __future__ import annotations

import pytest

from tests.content.conftest import Desk
from tests.content.test_library import faults_of


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("é".encode("latin-1"), "is not UTF-8 text"),
        (b"x" * 100_001, "is larger than 100,000 bytes"),
        (b"one\ntwo\x00", ":2: holds a control character"),
    ],
)
def test_files_that_are_no_words_are_refused(desk: Desk, source: bytes, fault: str) -> None:
    """A file in another encoding, a giant or a binary file is told from words."""
    desk.mail()
    (desk.root / "welcome/hello/en/body.txt").write_bytes(source)
    assert any(fault in found for found in faults_of(desk))


def test_missing_folders_are_told(desk: Desk) -> None:
    """No templates at all is a fault with a remedy, not an empty library."""
    (found,) = faults_of(desk)
    assert "does not exist; CLM_TEMPLATES says where templates lie" in found
