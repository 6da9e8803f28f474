"""Secrets come from the environment and are shown nowhere."""

from __future__ import annotations

import contextlib
import logging
from typing import get_args

import pytest
from pydantic import SecretStr

from clm.errors import StoreError
from clm.settings import Settings
from clm.store.database import Database

PLANTED = "planted-secret-5f1c"
OPEN = {"public_url", "sendgrid_api_url", "twilio_api_url", "dkim_key"}
"""What sounds secret and is not: addresses of providers without a password, and where the DKIM key lies."""
SOUNDS_SECRET = ("key", "token", "secret", "password", "url")


def _is_secret(name: str) -> bool:
    annotation = Settings.model_fields[name].annotation
    return annotation is SecretStr or SecretStr in get_args(annotation)


SECRETS = [name for name in Settings.model_fields if _is_secret(name)]


def test_whatever_sounds_secret_is_kept_as_one() -> None:
    """A new setting for a key, a token or an address with a password in it is a SecretStr, or named as open here."""
    sounding = {name for name in Settings.model_fields if any(word in name for word in SOUNDS_SECRET)}
    assert sounding - OPEN == set(SECRETS)
    assert Settings.model_fields.keys() > OPEN


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_shown(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not when settings are printed, logged, compared in a failed test, or written as JSON."""
    settings = Settings(**{name: SecretStr(PLANTED)})
    assert getattr(settings, name).get_secret_value() == PLANTED
    logging.getLogger("clm").warning("opened %s with %r", settings, settings)
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump()), caplog.text]
    assert all(PLANTED not in text for text in shown)
    assert "opened" in caplog.text


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    """Neither its name nor the error quotes it; nor does anything that the driver told."""
    url = f"postgresql://clm:{PLANTED}@127.0.0.1:1/clm"
    with contextlib.closing(Database(url)) as database:
        assert PLANTED not in database.shown
        with pytest.raises(StoreError) as caught:
            database.require_current()
        error: BaseException | None = caught.value
        while error is not None:
            assert PLANTED not in str(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_url_that_is_none_is_not_quoted() -> None:
    """Half a URL may hold a password too."""
    with pytest.raises(StoreError) as caught:
        Database(f"postgresql//clm:{PLANTED}@127.0.0.1/clm")
    assert PLANTED not in str(caught.value)
