"""A file of config/ is read again when it has changed, by the requests that come meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from clm.web.current import Current


def test_whoever_comes_while_a_file_is_read_waits_for_it(tmp_path: Path) -> None:
    """Two customers who are the first after a start are both told: nobody's choice is dropped as if none were known."""
    begun, may_end = Event(), Event()

    def read() -> str:
        begun.set()
        assert may_end.wait(timeout=5)
        return "topics"

    current = Current(tmp_path / "topics.yaml", read)
    with ThreadPoolExecutor(max_workers=2) as both:
        first = both.submit(current)
        assert begun.wait(timeout=5)
        second = both.submit(current)
        wait([second], timeout=0.05)
        may_end.set()
        assert (first.result(timeout=5), second.result(timeout=5)) == ("topics", "topics")
