"""Error reports to Sentry, or to whatever speaks its protocol: an optional extra (`sentry`)."""

from typing import Any

import sentry_sdk

from partnerhub.logs import redact

# What a request brought is left out as a whole: it may hold links, tokens and customers' words.
_OF_REQUEST = ("query_string", "cookies", "data", "env", "url")
_HEADERS = ("User-Agent", "Content-Type", "Content-Length")


def report_errors(dsn: str, *, process: str, environment: str, **options: Any) -> None:
    """Report exceptions that nobody caught and what is logged as an error, without secrets, values of variables,
    bodies and addresses. `options` are the library's own.
    """
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        server_name=process,
        before_send=scrubbed,
        before_breadcrumb=lambda crumb, hint: dict(redact(None, "", crumb)),
        include_local_variables=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        **options,
    )


def scrubbed(event: Any, hint: dict[str, Any]) -> Any:
    """An event as it may leave the hub."""
    request = event.get("request", {})
    for name in _OF_REQUEST:
        request.pop(name, None)
    headers = request.get("headers", {})
    request["headers"] = {name: value for name, value in headers.items() if name in _HEADERS}
    return dict(redact(None, "", event))
