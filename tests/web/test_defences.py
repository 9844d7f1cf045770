"""What a browser is told, and what is tried against every page: no address answers with an error of the hub's own."""

import base64
import re
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.policy import Role
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.invoices import AFTERWARDS
from tests.web.page_grants import ANYBODY, GRANTS, Own
from tests.web.page_world import PROGRAMS, TOKEN, PageWorld, pages

ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "http:///evil.example",
    "javascript:alert(1)", "https:evil.example", "https://testserver@evil.example/", "/\t/evil.example",
]  # fmt: skip
MARK = "<script>alert(4711)</script>"
HOSTILE = [
    f"' OR 1=1 --\" {MARK} {{{{ settings.SECRET_KEY }}}} {{% debug %}} ${{7*7}} ../../etc/passwd",
    "9" * 400,
    "-1e999\x00\ud7ff\uffff%00%n",
    "0001-01-01",
    base64.urlsafe_b64encode(b"[" * 3000).decode(),  # a cursor that no page has given
]
SAMPLE = {"subscriptions:list", "customers:list", "activity:list", "attention:queue", "billing:seats", "insight:file"}
_FIELD = re.compile(r'<(?:input|select)\b[^>]*\bname="([\w-]+)"')
_WORDS = ("q", "sort", "after", "before", "columns", "page", "as_of", "month", "since", "until", "customer", "view")


@pytest.fixture(scope="module")
def policy() -> dict[str, str]:
    return {
        "Content-Security-Policy": (
            "base-uri 'none'; default-src 'self'; form-action 'self'; frame-ancestors 'none'; img-src 'self' data:; "
            "object-src 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": (
            "clipboard-write=(self), publickey-credentials-create=(self), publickey-credentials-get=(self), "
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
        ),
    }


def told(response: HttpResponse, names: dict[str, str]) -> dict[str, str]:
    found = {name: response.headers.get(name, "") for name in names}
    return found | {"Content-Security-Policy": "; ".join(sorted(found["Content-Security-Policy"].split("; ")))}


@pytest.mark.django_db
def test_every_page_tells_the_browser_what_it_may_do(client, policy):
    client.force_login(UserFactory(active_role=Role.SALES_AGENT))

    for address, referrer in (("/", "same-origin"), ("/nowhere/", "same-origin"), (f"/c/{TOKEN}", "no-referrer")):
        response = client.get(address)
        assert told(response, policy) == policy, address
        assert response["Referrer-Policy"] == referrer
        assert "no-store" in response["Cache-Control"], address
    assert "private" in client.get("/")["Cache-Control"]


@pytest.mark.django_db
def test_over_https_the_browser_is_told_to_stay_there(client, settings):
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    user = UserFactory(active_role=Role.SALES_AGENT)

    page = client.get("/accounts/sign-in/", secure=True)
    client.post("/accounts/sign-in/", {"username": user.email, "password": PASSWORD}, secure=True)

    assert page["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        cookie = client.cookies[name]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax"), name


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_no_page_leads_elsewhere_because_an_address_says_so(client, wanted):
    user = UserFactory(active_role=Role.SALES_AGENT)
    given = {"username": user.email, "password": PASSWORD, "next": wanted}

    answers = [client.post("/accounts/sign-in/", given)]
    answers += [client.get("/accounts/sign-in/", {"next": wanted})]
    answers += [client.post("/accounts/switch-role/", {"role": "sales_agent", "next": wanted})]
    answers += [client.post("/i18n/setlang/", {"language": "pl", "next": wanted}, headers={"Referer": wanted})]
    answers += [client.post("/attention/triage/", {"next": wanted})]

    assert [(answer.status_code, answer["Location"]) for answer in answers[:4]] == [(302, "/")] * 4
    assert "evil" not in answers[4].headers.get("Location", "")


@pytest.mark.django_db
def test_another_host_name_is_not_answered_whoever_passes_it_on(client):
    client.force_login(UserFactory(active_role=Role.SALES_AGENT))

    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    passed_on = client.get("/accounts/tokens/", headers={"X-Forwarded-Host": "evil.example"})
    assert (passed_on.status_code, b"evil.example" in passed_on.content) == (200, False)


@pytest.mark.django_db
def test_a_header_or_a_field_makes_no_other_method_of_a_post(client):
    client.force_login(UserFactory(active_role=Role.PLATFORM_ADMIN))

    for headers in ({"X-HTTP-Method-Override": "GET"}, {"X-Method-Override": "DELETE"}):
        assert client.post("/subscriptions/", {"_method": "GET"}, headers=headers).status_code == 405


def exempt(resolver: URLResolver, route: str = "") -> set[str]:
    """The routes of pages that take a post without the token of a form."""
    found: set[str] = set()
    for each in resolver.url_patterns:
        path = route + str(each.pattern)
        if isinstance(each, URLPattern):
            found |= {path} if getattr(each.callback, "csrf_exempt", False) else set()
        elif not path.startswith(PROGRAMS):
            found |= exempt(each, path)
    return found


def test_only_what_reads_no_cookie_takes_a_post_without_a_forms_token():
    assert {route for route in exempt(get_resolver()) if not route.startswith(PROGRAMS)} == {
        "<str:tenant>/oauth2/token", "<str:tenant>/oauth2/v2.0/token",
        "<str:tenant>/.well-known/openid-configuration", "<str:tenant>/v2.0/.well-known/openid-configuration",
        "<str:tenant>/discovery/keys", "<str:tenant>/discovery/v2.0/keys", "<str:tenant>/discovery/instance",
        "c/<str:token>", "c/<str:token>/go", "c/<str:token>/answers", "c/<str:token>/again",
        "developers/", "developers/fulfillment/",
    }  # fmt: skip


@pytest.mark.django_db
def test_a_post_from_elsewhere_does_nothing():
    browser, user = Client(enforce_csrf_checks=True), UserFactory(active_role=Role.SALES_AGENT)
    browser.force_login(user)

    assert browser.post("/accounts/sign-out/").status_code == 403
    assert browser.get("/accounts/tokens/").status_code == 200


@pytest.mark.django_db
def test_what_is_larger_than_any_page_takes_is_not_read(client):
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))

    assert client.post("/customers/import/", headers={"Content-Length": "21000001"}).status_code == 413


def test_files_for_spreadsheets_are_written_in_one_place_only():
    """That place keeps what looks like a formula text (tests/web/test_export.py)."""
    apps = ("accounts", "billing", "customers", "partnerhub", "publishers", "subscriptions")
    files = [path for app in apps for path in (Path(settings.BASE_DIR) / app).rglob("*.py")]
    writes = re.compile(r"csv\.(?:Dict)?[wW]riter\(|xlsxwriter\.Workbook\(")

    assert [path.name for path in files if writes.search(path.read_text())] == ["export.py"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "some", [pytest.param(SAMPLE, id="some"), pytest.param(set(GRANTS), id="all", marks=pytest.mark.exhaustive)]
)
def test_hostile_values_in_every_filter_of_every_page_are_answered_and_never_run(billing_data, some):
    """Each page with all its fields, and the words that lists know, set to what attackers write."""
    with time_machine.travel(AFTERWARDS, tick=False):
        world, browser, wrong = PageWorld(), Client(raise_request_exception=False), list[str]()
        browser.force_login(world.people[Role.ADMIN_AGENT])
        for name, route in pages().items():
            looking = GRANTS.get(name, (None, None))[0]
            if (
                name not in some
                or looking in (None, ANYBODY)
                or isinstance(looking, Own)
                or name in ("go", "billing:invoice_pdf")
            ):
                continue
            address = world.path(name, route, Role.ADMIN_AGENT).partition("?")[0]
            first = browser.get(address)
            fields = {*_WORDS, *_FIELD.findall(read(first))}
            for value in HOSTILE if "<select" in read(first) or not is_page(first) else HOSTILE[:1]:
                response = browser.get(address, dict.fromkeys(fields, value))
                if response.status_code >= 500 or MARK in read(response):
                    wrong.append(f"{name}: {response.status_code} for {value[:20]}")

    assert "\n".join(wrong) == ""


def is_page(response: HttpResponse) -> bool:
    return not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")


def read(response: HttpResponse) -> str:
    if response.streaming:
        return b"".join(response.streaming_content).decode("utf-8", "replace")
    return response.content.decode("utf-8", "replace") if is_page(response) else ""
