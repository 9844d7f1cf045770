"""A change request from the form of a sales agent to the publisher's yes, as three people live it."""

import re

import pytest
from playwright.sync_api import expect

from subscriptions.models import ChangeRequest, Subscription

ADMIN, SALES, BOTH = "admin@partnerhub.example", "sales@partnerhub.example", "both@partnerhub.example"
PATIENCE = 30_000


@pytest.fixture
def seats(hub) -> Subscription:
    """An active subscription of the demo whose vendor takes changes up at once."""
    return hub.look(lambda: Subscription.objects.get(offer__offer_id="mailguard--prompt", customer__currency="USD"))


def test_sales_asks_an_admin_agent_approves_a_part_and_the_publisher_agrees(hub, agent, seats):
    seller = agent(SALES)
    page = seller.open(f"/subscriptions/{seats.pk}/")
    page.locator("#edit-quantity").fill(str(seats.quantity + 8))
    page.locator("#edit").get_by_role("button", name="Ask an admin agent").click()
    dialog = page.get_by_role("dialog", name="Change the quantity")
    dialog.get_by_label("Reason").fill("Eight people join the studio")
    dialog.get_by_role("button", name=re.compile("^Ask an admin agent: ")).click()
    page.get_by_role("link", name="1 change request waits for a decision").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Change request")
    expect(page.locator("#decide").get_by_role("button", name="Approve", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )
    seller.check_accessible()

    admin = agent(ADMIN)
    page = admin.page
    waiting = page.get_by_role("region", name="Change requests waiting")
    expect(waiting).to_contain_text("Eight people join the studio")
    admin.check_accessible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("^Change requests")).click()
    row = page.get_by_role("row").filter(has_text="Eight people join the studio")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("$", timeout=PATIENCE)
    admin.check_accessible()
    row.locator("a.row-link").click()

    page.get_by_label("Only so many licences").fill(str(seats.quantity + 3))
    page.get_by_role("button", name="Approve partly").click()
    dialog = page.get_by_role("dialog", name="Approve the change request")
    expect(dialog).to_contain_text("Only a part of what was asked for is approved.")
    admin.check_accessible()
    effect = re.compile(rf"^Approve partly: Increase to {seats.quantity + 3} licences, pay \$")
    dialog.get_by_role("button", name=effect).click()

    expect(page.locator("h1 + p + .status, .heading .status")).to_contain_text("Partly approved")
    expect(page.locator("main")).to_contain_text("Approved a part of the change request.")
    admin.check_accessible()
    page.get_by_role("link", name=re.compile("Mailguard")).first.click()
    expect(page.locator("#flight .flight")).to_have_attribute("data-state", "accepted", timeout=PATIENCE)
    changed = hub.look(lambda: Subscription.objects.get(pk=seats.pk))
    assert changed.quantity == seats.quantity + 3
    assert seller.problems == admin.problems == []


def test_a_request_is_approved_from_the_list_and_declined_with_a_reason(hub, agent):
    admin = agent(ADMIN)
    page = admin.open("/requests/")
    row = page.get_by_role("row").filter(has_text="Six lawyers start next week.")
    row.get_by_role("button", name=re.compile("^Approve")).click()
    dialog = page.get_by_role("dialog", name="Approve the change request")
    expect(dialog.get_by_role("button", name=re.compile("^Approve: Increase to 26 licences, pay"))).to_be_visible()
    dialog.get_by_role("button", name="Leave it").click()

    row = page.get_by_role("row").filter(has_text="Two new shops open on Monday.")
    row.locator("a.row-link").click()
    page.get_by_label("Reason for declining").fill("Not before the stock-taking")
    page.get_by_role("button", name="Decline").click()

    expect(page.locator(".toast")).to_contain_text("The change request is declined.")
    expect(page.locator("main")).to_contain_text("Not before the stock-taking")
    decided = hub.look(lambda: list(ChangeRequest.objects.filter(status="declined").values_list("decision", flat=True)))
    assert "Not before the stock-taking" in decided
    assert admin.problems == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 320, "height": 640}},
        {"color_scheme": "dark"},
        {"locale": "pl-PL", "color_scheme": "dark"},
    ],
)
def test_small_screens_the_dark_and_polish_lose_nothing(options, agent):
    admin = agent(ADMIN, **options)
    listed = admin.open("/requests/").locator("a.row-link").first.get_attribute("href")
    decided = admin.open("/requests/?state=decided").locator("a.row-link").first.get_attribute("href")
    for path in ["/", "/requests/", "/requests/?state=decided", listed, decided]:
        page = admin.open(path)
        page.wait_for_load_state("networkidle")
        admin.check_accessible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if options.get("locale") == "pl-PL":
            expect(page.locator("main")).not_to_contain_text(re.compile("change request|licences|Approve|Shown then"))
    page = admin.open(listed)
    page.locator("#decide form button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    admin.check_accessible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert admin.problems == []
