"""Structured logs, one JSON object a line. Secrets and personalised links never reach them."""

import logging
import logging.config
import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog

_WORDS = "token|secret|password|assertion"
_SECRET_KEY = re.compile(rf"{_WORDS}|authorization|cookie", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(rf"((?:{_WORDS})=|bearer\s+)[^&\s\"']+", re.IGNORECASE)
_SECRET_IN_JSON = re.compile(rf'("[^"]{{0,50}}(?:{_WORDS})[^"]{{0,50}}"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE)
# The address of a page that was sent to a customer, to an agent to be, or for a forgotten password is the key to it.
_SECRET_IN_PATH = re.compile(r"(/(?:c|invitation|password/new/[A-Za-z0-9_-]+)/)[A-Za-z0-9_-]{16,}")
# What none of these words is in, as in most lines, holds nothing that the three above would find.
_MAY_BE_SECRET = re.compile(rf"{_WORDS}|bearer|/c/|/invitation/", re.IGNORECASE)
REDACTED = "[redacted]"
# One line for every tick of every second tells nobody anything.
_TICKS = ("kombu", "amqp", "celery.beat", "celery.worker.strategy", "celery.app.trace")
# For debugging they write what a page, a query or a token says: never, whatever HUB_LOG_LEVEL is.
_TELLTALES = ("django.template", "django.db.backends", "oauthlib", "requests_oauthlib")


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is secret by its name, and the secret part of any text that carries a query string."""
    return _redacted_members(event)


def _redacted_members(members: Mapping[str, Any]) -> dict[str, Any]:
    return {key: REDACTED if _is_secret(str(key)) else _redacted(value) for key, value in members.items()}


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    """Nearly all lines have the same few members."""
    return bool(_SECRET_KEY.search(name))


def _redacted(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return _redacted_members(value)
        case list() | tuple():
            return [_redacted(inner) for inner in value]
    # What JSON does not know is written as its repr: that of a request shows the query string.
    text = value if isinstance(value, str) else repr(value)
    if not _MAY_BE_SECRET.search(text):
        return text
    for secret in (_SECRET_IN_TEXT, _SECRET_IN_JSON, _SECRET_IN_PATH):
        text = secret.sub(rf"\1{REDACTED}", text)
    return text


def configure_logging(level: str) -> None:
    """Send the standard library's and structlog's records through one JSON formatter to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        redact,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {name: {"level": "WARNING"} for name in (*_TICKS, *_TELLTALES)},
        }
    )
