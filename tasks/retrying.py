"""How tasks that read or decide are tried again, and after which failures."""

from __future__ import annotations

from typing import Any, Final

from prefect.cache_policies import NO_CACHE

from clm.errors import ConfigurationError, MappingError


def may_pass(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether trying again can help (Prefect's `retry_condition_fn`).

    A file that does not fit, or a fault in config/, stays as it is until a person mends it; waiting for that only puts
    off the alert. A database or a source that is away may be back.
    """
    try:
        state.result()
    except (ConfigurationError, MappingError):
        return False
    except Exception:  # noqa: BLE001 - whatever else it was
        return True
    return True


TRIED_AGAIN: Final[dict[str, Any]] = {
    "retries": 2,
    "retry_delay_seconds": 10,
    "retry_condition_fn": may_pass,
    "cache_policy": NO_CACHE,
}
"""What Prefect is told of such a task."""
