"""Fixed statements, and the session that a thread keeps for them: whatever happens to it, the next one works."""

import threading

import pytest
from django.db import InternalError, ProgrammingError, close_old_connections, connection, transaction

from accounts.models import Client
from partnerhub import prepared
from tests.factories.accounts import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)
PID = "SELECT pg_backend_pid()"


def in_a_thread(work):
    """What a thread of its own, with a session of its own, finds out."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def ended(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_session_that_was_ended_is_replaced_before_the_next_statement():
    [(first,)] = prepared.rows(PID, ())
    close_old_connections()
    [(second,)] = prepared.rows(PID, ())
    in_a_thread(lambda: ended(first))
    close_old_connections()
    [(third,)] = prepared.rows(PID, ())
    assert (first == second, first == third) == (True, False)


def test_a_session_ends_with_its_thread():
    [(pid,)] = in_a_thread(lambda: prepared.rows(PID, ()))
    # What a session has ended is gone from the view a moment later: ending it waits for that.
    ended(pid)
    assert prepared.rows("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid]) == [(0,)]


def test_a_statement_is_planned_anew_after_the_schema_changed():
    read = prepared.Selection("SELECT {client} FROM accounts_client AS client WHERE id = %s", client=Client)
    one = ClientFactory()
    prepared.execute("CREATE TABLE changing AS SELECT 1 AS held", ())
    assert prepared.rows("SELECT held FROM changing", ()) == [(1,)]
    try:
        prepared.execute("ALTER TABLE changing ADD COLUMN other integer", ())
        assert prepared.rows("SELECT held FROM changing", ()) == [(1,)]
        assert read(one.pk) == [(one,)]
    finally:
        prepared.execute("DROP TABLE changing", ())


def test_a_broken_transaction_refuses_and_the_next_one_does_not():
    with transaction.atomic():
        with pytest.raises(ProgrammingError):
            prepared.rows("SELECT nothing FROM accounts_client", ())
        with pytest.raises(InternalError):
            prepared.rows("SELECT 1", ())
    assert prepared.rows("SELECT 1", ()) == [(1,)]
