"""Pages that refresh themselves: an ETag that tells from one cheap read whether anything could look different.

It names who looks at what, the newest events, and the moment at which time alone changes the queue. Asked with it, an
idle page is answered 304 and nothing is rendered.
"""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.translation import get_language

from accounts.policy import Actor
from partnerhub.web.conditional import known_etag, short_hash
from subscriptions.attending import mark, next_change


def etag_of(request: HttpRequest, actor: Actor, at: datetime) -> str:
    """The ETag of what is shown now. Take it before what is shown is read: what comes in between is then shown next."""
    return f"{_reader(request, actor)}.{mark()}.{next_change(at).timestamp():.3f}"


def unchanged(request: HttpRequest, actor: Actor, at: datetime) -> HttpResponse | None:
    """The answer to a page that knows all already; None when it has to be made anew."""
    reader, _dot, rest = known_etag(request).partition(".")
    known, _dot, until = rest.partition(".")
    if reader != _reader(request, actor) or not _is_ahead(until, at) or known != mark():
        return None
    response = HttpResponseNotModified()
    response["Cache-Control"] = "no-cache, private"
    return response


def _reader(request: HttpRequest, actor: Actor) -> str:
    looks = (actor.id, actor.role.value, get_language(), request.GET.urlencode())
    return short_hash(looks)


def _is_ahead(moment: str, at: datetime) -> bool:
    try:
        return datetime.fromtimestamp(float(moment), UTC) > at
    except (ValueError, OverflowError, OSError):
        return False
