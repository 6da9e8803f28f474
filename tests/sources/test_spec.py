"""config/sources.yaml: what it may say, and what it says to whom when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.errors import ConfigurationError, SourceError
from clm.sources import FeedSpec, load_sources

SHIPPED = Path(__file__).parents[2] / "config" / "sources.yaml"


def load(tmp_path: Path, text: str) -> list[FeedSpec]:
    """The sources that `text` lists."""
    path = tmp_path / "sources.yaml"
    path.write_text(text, encoding="utf-8")
    return load_sources(path, variables={"CLM_HOME": str(tmp_path)})


def test_the_shipped_sources_are_the_four_files_of_the_demo_shop(tmp_path: Path) -> None:
    """The shipped file lists what the demo shop tells, and misses none that is not there."""
    specs = load_sources(SHIPPED, variables={"CLM_HOME": str(tmp_path)})
    assert [(spec.source, spec.feed, spec.path) for spec in specs] == [
        ("demo", "contacts", f"{tmp_path}/demo/contacts.csv"),
        ("demo", "orders", f"{tmp_path}/demo/orders.jsonl"),
        ("demo", "events", f"{tmp_path}/demo/events.jsonl.gz"),
        ("demo", "products", f"{tmp_path}/demo/products.csv"),
    ]
    assert [spec.files() for spec in specs] == [[], [], [], []]


def test_the_commented_examples_are_right(tmp_path: Path) -> None:
    """Whoever uncomments the examples has a file that loads."""
    text = SHIPPED.read_text(encoding="utf-8")
    start = text.index("  # - source: webshop")
    example = text[start:].replace("  # ", "  ").replace("\n  #\n", "\n")
    spec, ratings = load(tmp_path, f"sources:\n{example}")
    assert spec.map["contact"] == "Customer ID"
    assert spec.set == {"acquisition_source": "webshop"}
    assert (ratings.feed, ratings.set) == ("events", {"name": "survey_answered", "properties.survey": "rating"})


def test_a_misspelt_field_is_named_with_its_line_and_the_nearest_right_one(tmp_path: Path) -> None:
    """A wrong field in `map` is refused when the configuration is loaded, with place and remedy."""
    text = "sources:\n  - source: shop\n    feed: orders\n    path: a.csv\n    map:\n      orderd_at: When\n"
    with pytest.raises(ConfigurationError, match=r"sources\.yaml:6:7: .*did you mean `ordered_at`"):
        load(tmp_path, text)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """Unknown zone, unknown variable, unknown field and a source listed twice come together."""
    entry = "  - {source: shop, feed: events, path: '${HOEM}/a.csv', time_zone: Europe/Londn, set: {colour: red}}\n"
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, f"sources:\n{entry}{entry}")
    text = str(refused.value)
    assert "did you mean `Europe/London`" in text
    assert "${HOEM} is not known here (known: CLM_HOME)" in text
    assert "`colour` is not a field of events" in text
    assert "listed twice" in text


def test_a_field_is_filled_once(tmp_path: Path) -> None:
    """The same field in `map` and `set`, even by its other name, is refused."""
    text = "sources:\n  - {source: s, feed: contacts, path: a.csv, map: {contact: Id}, set: {customer_id: '{No}'}}\n"
    with pytest.raises(ConfigurationError, match="`contact` is filled twice"):
        load(tmp_path, text)


def test_fixed_values_may_be_written_bare(tmp_path: Path) -> None:
    """`email_consent: true` and `7` in `set` mean the texts true and 7."""
    (spec,) = load(
        tmp_path,
        "sources:\n  - {source: s, feed: contacts, path: a.csv, set: {email_consent: true, acquisition_source: 7}}\n",
    )
    assert spec.set == {"email_consent": "true", "acquisition_source": "7"}


def test_a_pattern_means_all_files_in_order_of_name(tmp_path: Path) -> None:
    """`*` in a path reads several files, oldest name first, also in a folder with brackets in its name."""
    home = tmp_path / "shop [old]"
    home.mkdir()
    for name in ("orders-2.csv", "orders-1.csv", "other.csv"):
        (home / name).touch()
    path = tmp_path / "sources.yaml"
    path.write_text("sources:\n  - {source: s, feed: orders, path: '${CLM_HOME}/orders-*.csv'}\n", encoding="utf-8")
    (spec,) = load_sources(path, variables={"CLM_HOME": str(home)})
    assert [file.name for file in spec.files()] == ["orders-1.csv", "orders-2.csv"]


def test_a_missing_file_stops_the_pull_unless_it_may_be_skipped(tmp_path: Path) -> None:
    """By default a file that is not there is an error that names it and the remedy."""
    spec = FeedSpec(source="s", feed="orders", path=str(tmp_path / "a.csv"))
    with pytest.raises(SourceError, match=r"a\.csv: there is no such file .*if_missing: skip"):
        spec.files()
    assert spec.model_copy(update={"if_missing": "skip"}).files() == []


def test_the_digest_changes_with_the_meaning_of_rows_only() -> None:
    """Another mapping, zone or currency is another reading; another path is not."""
    spec = FeedSpec(source="s", feed="orders", path="a.csv")
    assert spec.digest() == spec.model_copy(update={"path": "b.csv"}).digest()
    others = [{"map": {"amount": "x"}}, {"set": {"kind": "order"}}, {"time_zone": "Asia/Tehran"}, {"currency": "USD"}]
    assert spec.digest() not in {spec.model_copy(update=other).digest() for other in others}
