"""Programs are led past what only people need, and hear the same headers as everybody."""

import pytest
from django.conf import settings

pytestmark = pytest.mark.django_db

HEADERS = {
    "Vary": "Accept-Language, Cookie",
    "Content-Language": "en",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": settings.HUB_PERMISSIONS_POLICY,
}


@pytest.mark.parametrize("path", ["/v1/subscriptions", "/v1/nothing", "/api/saas/subscriptions", "/webhooks/v1/none"])
def test_a_program_meets_no_session_whatever_it_sends(client, path):
    client.cookies[settings.SESSION_COOKIE_NAME] = "somebody"

    response = client.get(path, headers={"Accept-Language": "pl"})

    assert not {"session", "htmx"} & vars(response.wsgi_request).keys()
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_a_page_after_a_program_is_in_its_readers_language(client):
    client.get("/v1/nothing")
    page = client.get("/accounts/sign-in/", headers={"Accept-Language": "pl"})

    assert page.headers["Content-Language"] == "pl"
    assert hasattr(page.wsgi_request, "session")
