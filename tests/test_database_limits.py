"""How long sessions of the database may take: by process, and by what the environment says."""

import pytest
from django.db import connection

from partnerhub.database_limits import Limits, limits_of, options


@pytest.mark.parametrize(
    ("process", "environ", "limits"),
    [
        ("web", {}, Limits(60, 10, 60)),
        ("worker", {}, Limits(300, 30, 120)),
        ("partnerhub", {}, Limits(0, 10, 0)),
        ("web", {"HUB_STATEMENT_SECONDS": "5", "HUB_LOCK_SECONDS": "", "HUB_IDLE_SECONDS": "0"}, Limits(5, 10, 0)),
    ],
)
def test_limits_are_by_process_and_the_environment_wins(process, environ, limits):
    assert limits_of(process, environ) == limits


@pytest.mark.parametrize("text", ["soon", "-1", "1.5"])
def test_what_is_no_number_of_seconds_is_refused(text):
    with pytest.raises(ValueError, match=f"HUB_LOCK_SECONDS is '{text}'"):
        limits_of("web", {"HUB_LOCK_SECONDS": text})


@pytest.mark.django_db
def test_the_database_keeps_them():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
            "current_setting('idle_in_transaction_session_timeout'), current_setting('pgtrigger.ignore')"
        )
        assert cursor.fetchone() == ("0", "10s", "0", "{}")
    assert options(Limits(1, 2, 3)).split(" -c ")[1] == "lock_timeout=2s"
