"""config/segments.yaml: named conditions that may speak of one another, and how a fault in them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.domain.condition import Holds, InSegment
from clm.domain.fact import FACTS
from clm.domain.language import Language
from clm.errors import ConfigurationError
from clm.segments_file import load_segments


def write(folder: Path, text: str) -> Path:
    """A config/ folder with these segments."""
    (folder / "segments.yaml").write_text(text, encoding="utf-8")
    return folder


def test_segments_speak_of_one_another_in_any_order(tmp_path: Path) -> None:
    """`a` may name `b` before it is defined."""
    folder = write(
        tmp_path,
        "segments:\n  a: {title: A, when: in_segment('b')}\n  b: {title: B, when: email_consent}\n",
    )
    found = load_segments(folder, Language())
    assert found["a"].condition == InSegment("b", Holds(FACTS["email_consent"]))
    assert (found["b"].title, found["b"].text) == ("B", "email_consent")


def test_a_shop_without_segments_needs_no_file(tmp_path: Path) -> None:
    """No segments.yaml, no segments."""
    assert load_segments(tmp_path, Language()) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {title: A, when: in_segment('b')}\n  b: {title: B, when: in_segment('a')}", "a circle: a → b → a"),
        ("a: {title: A, when: in_segment('a')}", "segments go round in a circle: a → a"),
        (
            "a: {title: A, when: in_segment('bb')}\n  b: {title: B, when: email_consent}",
            "no segment `bb`; did you mean",
        ),
        ("a: {title: A, when: emial_consent}", "2:23: segments.a.when: `emial_consent` is not a fact; did you mean"),
        ("a: {title: A, when: ordered_since_entry}", "exists only after entering"),
        ("a: {when: email_consent}", "segments.a.title: is required"),
        ("'A b': {title: A, when: email_consent}", "segments.A b"),
        ("a: {title: A, wenn: email_consent, when: email_consent}", "`wenn` is not a setting"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    """What cannot be read is refused when it is loaded, not at three in the morning."""
    with pytest.raises(ConfigurationError) as refusal:
        load_segments(write(tmp_path, f"segments:\n  {text}\n"), Language())
    assert told in str(refusal.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Two wrong segments are two faults."""
    with pytest.raises(ConfigurationError) as refusal:
        load_segments(write(tmp_path, "segments:\n  a: {title: A, when: x}\n  b: {title: B, when: y}\n"), Language())
    assert len(refusal.value.faults) == 2
