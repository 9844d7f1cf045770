"""Pages that look again by themselves: what whoever asks has seen already is answered 304, and nothing is rendered.

The ETag of such a page names who looks, the newest events, the moment at which time alone changes what is shown, and
what that was; it is signed for one session. While nobody did anything, `idle` answers out of one query before any other
middleware works. When something happened, the page is read once for all who look at the same, and whoever would be
shown what they see already is answered 304 with the newer ETag.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.policy import Actor
from partnerhub.clock import now
from partnerhub.web.conditional import known_etag, short_hash
from subscriptions.ranking import Reading, next_change

GetResponse = Callable[[HttpRequest], HttpResponse]
LIVE_PAGES = ("attention:live", "home-live")
# So many of the newest events are compared: one that is committed late stands a little behind the newest.
LATEST = 50
# Any change of the person's row or roles, or the end of the session, changes the first; anything recorded the second.
_STATE = """
SELECT (SELECT md5(person::text || coalesce((SELECT string_agg(role, ' ' ORDER BY role) FROM accounts_roleheld
                                              WHERE user_id = person.id), ''))
          FROM accounts_user AS person
         WHERE id = %s AND is_active
           AND EXISTS (SELECT FROM accounts_session WHERE session_key = %s AND expire_date > %s)),
       (SELECT md5(string_agg(id::text, ' '))
          FROM (SELECT id FROM outbox_event ORDER BY at DESC, id DESC LIMIT %s) AS newest)
"""
_SUBJECTS = """
SELECT string_agg(subject.id || ':' || last.sequence, ' ' ORDER BY subject.id)
  FROM unnest(%s::uuid[]) AS subject(id)
  JOIN LATERAL (SELECT sequence FROM outbox_event
                 WHERE stream_id = subject.id ORDER BY sequence DESC LIMIT 1) AS last ON true
"""
# What is shown to whoever asks for the same, at the newest events that this process knows of.
_seen: dict[Hashable, tuple[str, float, str]] = {}
_MOST_SEEN = 1000
_PERSON = re.compile("[0-9a-f]{32}")


class _Tag(NamedTuple):
    """What an ETag is made of; `until` in seconds since 1970."""

    person: str
    mark: str
    until: str
    shown: str
    signature: str

    @classmethod
    def known_to(cls, request: HttpRequest) -> "_Tag | None":
        parts = known_etag(request).split("-")
        return cls(*parts) if len(parts) == len(cls._fields) and _PERSON.fullmatch(parts[0]) else None

    def is_ahead(self, at: datetime) -> bool:
        return at < datetime.fromtimestamp(float(self.until), UTC)


class Look:
    """One person's look at a live page, by its name. Begin it before what is shown is read: what comes in between is
    shown next.
    """

    def __init__(self, page: str, request: HttpRequest, actor: Actor, at: datetime) -> None:
        self.request, self.at, self.person = request, at, actor.id.replace("-", "")
        self.stamp, self.mark = _state(request, self.person, at)
        mine = actor.id if "assignee" in request.GET else ""
        self._alike = (page, request.GET.urlencode(), actor.customers, mine)
        self._until, self._shown = "", ""
        mark, until, shown = _seen.get(self._alike, ("", 0.0, ""))
        if mark and mark == self.mark and at.timestamp() < until:
            self._until, self._shown = f"{until:.3f}", shown

    def saw(self, shown: object, subjects: Iterable[object]) -> None:
        """Note what is shown (told apart by its `repr`), and whose events change how it looks."""
        until = next_change(self.at, self.reading).timestamp()
        self._until, self._shown = f"{until:.3f}", short_hash((shown, _sequences(subjects)))
        if len(_seen) >= _MOST_SEEN:
            _seen.clear()
        _seen[self._alike] = (self.mark, until, self._shown)

    @cached_property
    def reading(self) -> Reading:
        """What is asked for once, whatever is read for this look."""
        return Reading(self.at)

    @property
    def etag(self) -> str:
        return self._etag(self._until)

    def unchanged(self) -> HttpResponse | None:
        """The answer to a page that shows this already; None when it has to be made anew, or nothing was seen yet."""
        tag = _Tag.known_to(self.request)
        if tag is None or not self._shown or tag.shown != self._shown or not _is_true(self.request, tag, self.stamp):
            return None
        return _same(self._etag(min(tag.until, self._until, key=float))) if tag.is_ahead(self.at) else None

    def _etag(self, until: str) -> str:
        parts = (self.person, self.mark, until, self._shown)
        return "-".join((*parts, _signature(self.request, self.stamp, *parts)))


def idle(get_response: GetResponse) -> GetResponse:
    """Answer whoever looks again while nobody did anything, before sessions, people and languages are read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method == "GET" and request.path_info in _addresses() and (tag := _Tag.known_to(request)):
            at = now()
            stamp, mark = _state(request, tag.person, at)
            if mark == tag.mark and _is_true(request, tag, stamp) and tag.is_ahead(at):
                return _same(known_etag(request))
        return get_response(request)

    return middleware


@cache
def _addresses() -> frozenset[str]:
    return frozenset(reverse(name) for name in LIVE_PAGES)


def _state(request: HttpRequest, person: str, at: datetime) -> tuple[str, str]:
    """What is so of the reader (empty when signed out), and of everything."""
    given: list[str | datetime | int] = [person, request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""), at, LATEST]
    with connection.cursor() as cursor:
        cursor.execute(_STATE, given)
        stamp, mark = cursor.fetchone()
    return stamp or "", mark or ""


def _sequences(subjects: Iterable[object]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_SUBJECTS, [sorted({str(one) for one in subjects if one})])
        return str(cursor.fetchone()[0])


def _signature(request: HttpRequest, stamp: str, *parts: str) -> str:
    session, language = (
        request.COOKIES.get(name, "") for name in (settings.SESSION_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME)
    )
    looks = (session, stamp, language, request.headers.get("Accept-Language", ""), request.GET.urlencode(), parts)
    return salted_hmac(__name__, repr(looks), algorithm="sha256").hexdigest()[:32]


def _is_true(request: HttpRequest, tag: _Tag, stamp: str) -> bool:
    """Whether the hub gave this ETag to this reader, who is as then."""
    return bool(stamp) and constant_time_compare(tag.signature, _signature(request, stamp, *tag[:-1]))


def _same(etag: str) -> HttpResponse:
    response = HttpResponseNotModified()
    response["Cache-Control"], response["ETag"] = "no-cache, private", f'"{etag}"'
    return response
