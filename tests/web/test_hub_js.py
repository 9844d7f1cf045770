"""The page shell in a real browser: every answer comes from the test itself, no server is needed."""

import json
import mimetypes
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template import engines
from django.test import RequestFactory

from accounts.policy import Actor, Role
from partnerhub.clock import now
from partnerhub.runtime.browser import INSTALL_LINE, find_chromium

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium: {INSTALL_LINE}"),
]

HUB = "http://127.0.0.1:8390"
SECRET = "https://publisher.example/landing?token=never-shown"
POLICY = "default-src 'self'; img-src 'self' data:"
PAGE = """{% extends "base.html" %}
{% block title %}Marketplace{% endblock %}
{% block heading %}<h1>Marketplace</h1>{% endblock %}
{% block heading_actions %}
{% include "components/disabled.html" with id="quantity" label="Change quantity" reason="No." who="Admin agent" %}
{% endblock %}
{% block content %}
<section class="card flush"><div class="table-region" role="region" aria-label="Marketplace" tabindex="0">
<table class="table cards" data-rows><caption>Subscriptions</caption>
<thead><tr>{% include "components/sort_header.html" with label="Offer" field="offer" sort="offer" %}
<th scope="col">Status</th><th scope="col">Due</th></tr></thead>
<tbody>{% for name in names %}<tr><th scope="row"><a class="row-link" href="/opened/{{ name }}">{{ name }}</a></th>
<td data-label="Status"><div>{% status_badge "attention" "Action required" "Four of seven licences." %}</div></td>
<td data-label="Due">{{ due|deadline }}</td></tr>{% endfor %}</tbody></table></div></section>
<section class="card">{% include "components/gates.html" %}</section>
<section class="card"><div class="actions">{% include "components/private_copy.html" with url="/link/" %}</div>
{% include "components/copyable.html" with value="5b1c7a0e" label="id" %}</section>
<section class="card"><div class="actions"><a class="button" href="/export/" data-command>Export</a>
<a class="button" href="/dialog/" hx-get="/dialog/" hx-target="#hub-dialog">Suspend</a></div></section>
{% endblock %}"""
FOUND = """<div role="group" aria-label="Found">
<a role="option" aria-selected="false" tabindex="-1" href="/subscriptions/1/">
Sign – a subscription</a></div>"""
DIALOG = """<header><h2 id="hub-dialog-title" tabindex="-1">Suspend</h2></header><div class="dialog-body">
<span data-countdown="2026-01-01T00:00:00Z" data-over="over"></span>
<label for="why">Reason</label><input id="why" autofocus></div>"""


def page_html():
    request = RequestFactory().get("/customers/")
    roles = (Role.SALES_AGENT, Role.ADMIN_AGENT)
    request.actor = Actor("user", "1", "Barbara", Role.SALES_AGENT, roles, email="both@partnerhub.example")
    gates = [
        {"state": "satisfied", "title": "Ordered", "owner": "Partner", "since": now()},
        {"state": "pending", "title": "Licences assigned", "is_blocker": True, "due": now() + timedelta(days=3)},
    ]
    context = {
        "names": ["Sign", "Desk", "Chat"],
        "due": now() + timedelta(hours=5),
        "gates": gates,
        "unread_count": "2",
    }
    return engines["django"].from_string(PAGE).render(context, request)


def answer(route, html, link):
    path = urlsplit(route.request.url).path
    if path.startswith("/static/"):
        found = finders.find(path.removeprefix("/static/"))
        return route.fulfill(path=found, content_type=mimetypes.guess_type(path)[0])
    if path == "/link/":
        status, body = link
        return route.fulfill(status=status, body=json.dumps(body), content_type="application/json")
    if path in ("/subscriptions/command/", "/dialog/"):
        return route.fulfill(body=DIALOG if path == "/dialog/" else FOUND, content_type="text/html")
    return route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY})


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Open the sample page; the context is closed at the end and the page must have had no error."""
    contexts, errors = [], []

    def open_page(*, link=(200, {"url": SECRET}), **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=HUB)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        html = page_html()
        page.route("**/*", lambda route: answer(route, html, link))
        page.goto(f"{HUB}/customers/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def clipboard(page):
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_shell_has_no_accessibility_violation(opened, theme, width):
    page = opened(color_scheme=theme, viewport={"width": width, "height": 800})

    results = axe.Axe().run(page)

    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_publisher_link_is_copied_without_entering_the_page(opened):
    page = opened()

    page.get_by_role("button", name="Copy for a private window").click()

    sync_api.expect(page.locator("#hub-live")).to_contain_text("Copied")
    assert clipboard(page) == SECRET
    assert "never-shown" not in page.content()
    assert "never-shown" not in page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")


def test_a_refused_publisher_link_says_why_and_stays(opened):
    page = opened(link=(502, {"description": "The publisher is not reachable."}))

    page.get_by_role("button", name="Copy for a private window").click()

    sync_api.expect(page.get_by_role("alert")).to_contain_text("The publisher is not reachable.")


def test_an_id_is_copied(opened):
    page = opened()

    page.get_by_role("button", name="Copy id").click()

    sync_api.expect(page.locator("#hub-live")).to_have_text("Copied")
    assert clipboard(page) == "5b1c7a0e"


def test_keys_move_between_rows_and_open_one(opened):
    page = opened()

    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")

    page.wait_for_url("**/opened/Desk")


def test_a_click_anywhere_in_a_row_opens_it(opened):
    page = opened()

    page.get_by_role("row", name="Chat").locator(".reason").click()

    page.wait_for_url("**/opened/Chat")


def test_single_keys_can_be_switched_off(opened):
    page = opened()
    page.keyboard.press("?")
    page.get_by_label("Use keyboard shortcuts").uncheck()
    page.keyboard.press("Escape")

    page.keyboard.press("?")
    page.keyboard.press("Control+k")

    sync_api.expect(page.locator("dialog:visible")).to_have_count(0)


def test_the_command_bar_offers_what_the_page_does_and_where_to_go(opened):
    page = opened()
    page.keyboard.press("Control+k")
    bar = page.get_by_role("dialog", name="Command bar")
    assert axe.Axe().run(page).violations_count == 0
    sync_api.expect(bar.get_by_role("group", name="On this page").get_by_role("option")).to_have_text(["Export"])

    page.keyboard.type("subscr")
    sync_api.expect(bar.get_by_role("option")).to_have_text(["Subscriptions", "Sign – a subscription"])
    assert bar.get_by_role("combobox").get_attribute("aria-activedescendant") == "command-0"
    page.keyboard.press("ArrowDown")
    sync_api.expect(bar.get_by_role("option", selected=True)).to_have_text("Sign – a subscription")
    page.keyboard.press("Enter")

    page.wait_for_url("**/subscriptions/1/")


def test_the_command_bar_does_what_the_page_offers_and_escape_leaves_it(opened):
    page = opened()
    page.keyboard.press("Control+k")
    page.keyboard.type("exp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/export/")
    page.keyboard.press("Control+k")
    page.keyboard.type("nothing like it")
    sync_api.expect(page.locator("#command-none")).to_have_text("Nothing is found.")
    page.keyboard.press("Escape")

    sync_api.expect(page.locator("dialog:visible")).to_have_count(0)


def test_a_dialog_opens_when_its_content_has_come_and_gives_the_focus_back(opened):
    page = opened()
    page.get_by_role("link", name="Suspend").click()

    dialog = page.get_by_role("dialog", name="Suspend")
    sync_api.expect(dialog.get_by_label("Reason")).to_be_focused()
    sync_api.expect(dialog.locator("[data-countdown]")).to_have_text("over")
    page.keyboard.press("Escape")

    sync_api.expect(page.get_by_role("link", name="Suspend")).to_be_focused()


def test_the_chosen_theme_is_there_after_a_reload(opened):
    page = opened(color_scheme="light")
    page.locator(".avatar").click()
    page.get_by_role("button", name="Dark").click()

    page.reload()

    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_disabled_control_explains_itself_on_focus_until_escape(opened):
    page = opened()

    page.get_by_role("button", name="Change quantity").focus()
    sync_api.expect(page.get_by_role("tooltip")).to_contain_text("Admin agent")
    page.keyboard.press("Escape")

    sync_api.expect(page.get_by_role("tooltip")).not_to_be_visible()
