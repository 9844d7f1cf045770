"""What may stand in a log line."""

import json
import logging

from django.test import RequestFactory

from partnerhub.logs import REDACTED, redact


def test_a_secret_in_a_requests_query_string_reaches_no_log():
    url = "/x?token=s3cr3t&page=2"
    request = RequestFactory().get(url)
    event = {"event": "Not Found: /x", "request": request, "nested": {"headers": [f"Bearer abc.def at {url}"]}}

    line = json.dumps(redact(logging.getLogger(), "warning", event))

    assert "s3cr3t" not in line
    assert "abc.def" not in line
    assert f"token={REDACTED}&page=2" in line


def test_what_names_a_secret_is_blanked_at_any_depth():
    event = {"event": "x", "form": {"client_secret": "s3cr3t", "page": 2}, "count": 3, "none": None}

    assert redact(logging.getLogger(), "info", event) == {
        "event": "x", "form": {"client_secret": REDACTED, "page": 2}, "count": 3, "none": None,
    }  # fmt: skip
