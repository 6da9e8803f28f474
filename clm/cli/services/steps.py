"""A line on the terminal for each step, and Ctrl-C that waits for no step."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clm.cli.services.processes import tail
from clm.errors import ClmError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from rich.console import Console

LOOK_SECONDS = 0.1
_STEP_SECONDS_MAX = 3_600.0


class StepError(ClmError):
    """A step did not succeed; the text ends with the last lines of its log."""

    def __init__(self, what: str, log: Path | None = None) -> None:
        super().__init__(f"{what}\n\nThe last lines of {log}:\n{tail(log)}" if log else what)


class Interrupted(Exception):  # noqa: N818 - being asked to stop is no error
    """Somebody pressed Ctrl-C, or asked us to stop."""


class Interrupts:
    """Notes Ctrl-C, SIGTERM and a closed terminal; whoever waits through `pause` then stops waiting.

    A flag and not an exception out of the signal, which could strike between starting a process and remembering it.
    """

    def __init__(self) -> None:
        self._asked = False
        # Also where SIGINT came in ignored, as it does for a shell's background job.
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, self._note)

    def _note(self, _sign: int, _frame: FrameType | None) -> None:
        self._asked = True

    def pause(self, seconds: float = LOOK_SECONDS) -> None:
        """Wait; raises Interrupted as soon as somebody asks to stop."""
        deadline = time.monotonic() + seconds
        while not self._asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
        if self._asked:
            raise Interrupted


class Steps:
    """The steps of starting up, one after the other."""

    def __init__(self, console: Console, interrupts: Interrupts) -> None:
        self._console = console
        self._interrupts = interrupts

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """A spinner with the time while it lasts, a line when it is done; call the value to add a detail."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            shown = progress.add_task(title, total=None)
            details: list[str] = []

            def say(detail: str) -> None:
                details[:] = [detail]
                progress.update(shown, description=f"{title}: {detail}")

            try:
                yield say
            except ClmError:
                self._console.print(f"✗ {title}", markup=False, highlight=False)
                raise
        said = f"{title}: {details[0]}" if details else title
        self._console.print(f"✓ {said} ({time.monotonic() - started:.1f} s)", markup=False, highlight=False)

    def wait(self, done: Callable[[], bool], *, seconds_max: float, failed: Callable[[], StepError | None]) -> None:
        """Look until `done`; raises what `failed` says, or that it takes too long."""
        deadline = time.monotonic() + seconds_max
        while not done():
            problem = failed()
            if problem is None and time.monotonic() > deadline:
                problem = StepError(f"nothing after {seconds_max:.0f} s")
            if problem is not None:
                raise problem
            self._interrupts.pause()

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        """Run a program to its end; raises StepError with the end of its log when it fails."""
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        too_long = f"`{' '.join(command)}` did not end within {_STEP_SECONDS_MAX:.0f} s"
        deadline = time.monotonic() + _STEP_SECONDS_MAX
        while (status := process.poll()) is None:
            if time.monotonic() > deadline:
                raise StepError(too_long, log)
            self._interrupts.pause()
        if status != 0:
            raise StepError(f"`{' '.join(command[1:])}` failed with exit status {status}.", log)
