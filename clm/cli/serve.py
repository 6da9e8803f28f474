"""`clm serve`: the web application, in this process."""

from __future__ import annotations

import socket
from typing import Annotated, Any

from cyclopts import Parameter, validators

from clm.cli.terminal import err
from clm.errors import ClmError
from clm.settings import Settings
from clm.store.database import Database

LOG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "clm": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
"""uvicorn's own line for each request would hold addresses, tokens and queries; the application writes its own."""

_KEEP_ALIVE_SECONDS = 30
_STOP_SECONDS_MAX = 10
_AT_ONCE_MAX = 1_000


def serve(
    *,
    host: Annotated[str, Parameter(help="Where to listen; anything but loopback is reached by others.")] = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65_535))] = 8080,
) -> None:
    """Serve customers' pages and the webhooks of SendGrid and Twilio, until Ctrl-C.

    CLM_PUBLIC_URL is where they are reached from outside, by HTTPS, through a proxy of yours; Twilio signs it.

    Example: clm serve --port 8080
    """
    import uvicorn  # noqa: PLC0415 - half a second that no other command needs

    settings = Settings()
    database = Database(settings.store_url)
    database.require_current()  # refused here, in a sentence, and not as a failed start
    database.close()
    _require_free(host, port)
    shown = f"[{host}]" if ":" in host else host
    err.print(f"http://{shown}:{port}, for customers {settings.public_url}; Ctrl-C stops it", markup=False)
    # By name: the command line does not know the web application.
    uvicorn.run(
        "clm.web.app:create_app",
        factory=True,
        host=host,
        port=port,
        access_log=False,
        log_config=LOG,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE_MAX,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS_MAX,
    )


def _require_free(host: str, port: int) -> None:
    """Raise ClmError where somebody else listens there, or the address is not this machine's."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        said = (error.strerror or type(error).__name__).partition(" (")[0]
        raise ClmError(f"cannot listen on {host} port {port}: {said}; choose another by --port or --host") from None
