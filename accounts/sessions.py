"""The session engine: Django's in the database, and each row tells whose it is and where and when it was last seen."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest

from accounts.guesses import address_of
from accounts.models import Session, User
from partnerhub.clock import now

SEEN_EVERY = timedelta(minutes=5)
LONGEST_DEVICE, LONGEST_ADDRESS = 300, 64


class SessionStore(DatabaseStore):
    """One row a session, read once a request. `device` and `address` are those of the request that has it."""

    device = ""
    address = ""
    _row: Session | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def met_by(self, request: HttpRequest) -> None:
        """Remember what a request says of itself, for the row that is written next."""
        self.device = request.headers.get("User-Agent", "")[:LONGEST_DEVICE].replace("\x00", "")
        self.address = address_of(request)[:LONGEST_ADDRESS].replace("\x00", "")

    def note_seen(self) -> None:
        """Write down that the session was used, at most once in SEEN_EVERY."""
        row, at = self._row, now()
        if row is None or row.user_id is None or row.seen_at > at - SEEN_EVERY:
            return
        unnoted = Session.objects.filter(pk=row.pk, seen_at__lte=at - SEEN_EVERY)
        unnoted.update(seen_at=at, device=self.device, address=self.address)

    def _get_session_from_db(self) -> Session | None:
        self._row = super()._get_session_from_db()  # type: ignore[misc]  # unknown to the stubs
        return self._row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row as it is about to be written: it stays the same session for as long as its key does."""
        made = super().create_model_instance(data)
        if not isinstance(made, Session):
            raise TypeError("a session is a row of its own model")
        at, kept = now(), self._row
        made.user_id = data.get(SESSION_KEY)
        made.device, made.address, made.seen_at = self.device, self.address, at
        made.began_at = at
        if kept is not None and kept.pk == made.pk:
            made.public_id, made.began_at = kept.public_id, kept.began_at
        self._row = made
        return made


def sessions_of(user: User, at: datetime) -> list[Session]:
    """The sessions in which a person is signed in at a moment, last seen first."""
    # A session from before a change of the password is over, though its row stays until somebody tries to use it.
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    alive = user.sessions.filter(expire_date__gt=at).order_by("-seen_at", "public_id")
    return [one for one in alive if SessionStore().decode(one.session_data).get(HASH_SESSION_KEY) in hashes]
