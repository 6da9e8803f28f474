"""Sources as people name them on the command line."""

from __future__ import annotations

from clm.domain.nearest import nearest
from clm.errors import ClmError
from clm.settings import Settings
from clm.sources import load_sources
from clm.store import sources
from clm.store.database import Transaction


def refuse_unknown_source(tx: Transaction, settings: Settings, name: str) -> None:
    """Raise ClmError with the sources there are, where `name` is none that config/ lists or the database knows.

    Raises ConfigurationError where config/sources.yaml cannot be read.
    """
    listed = load_sources(settings.config / "sources.yaml", variables={"CLM_HOME": str(settings.home)})
    known = list(dict.fromkeys([*(spec.source for spec in listed), *sources.told(tx)]))
    if name not in known:
        told = f" (known: {', '.join(known)})" if known else "; nothing was pulled or imported yet"
        raise ClmError(f"there is no source `{name}`{nearest(name, known)}{told}")
