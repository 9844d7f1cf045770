"""The whole path as people walk it: bought by a sales agent, set up at the publisher's, active by itself."""

import re

import pytest
from playwright.sync_api import expect

from billing.models import Charge
from subscriptions.models import Subscription

SALES, BOTH = "sales@partnerhub.example", "both@partnerhub.example"
BAKERY = "Piekarnia Pod Dębem sp. z o.o."
PATIENCE = 30_000


def test_a_sales_agent_buys_sets_up_and_sees_it_turn_active(hub, agent):
    seller = agent()
    page = seller.open("/")
    seller.check_accessible()
    seller.sign_in(SALES)
    seller.check_accessible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Customers").click()
    seller.check_accessible()
    page.get_by_role("link", name=BAKERY).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(BAKERY)
    seller.check_accessible()

    page.get_by_role("link", name="Buy a subscription").click()
    page.get_by_label("Search", exact=True).fill("eSign")
    expect(page.get_by_role("link", name="Contoso Helpdesk")).to_have_count(0)
    seller.check_accessible()
    page.get_by_role("link", name="Northwind eSign", exact=True).first.click()
    page.get_by_label("Quantity").fill("3")
    page.get_by_label("Nickname").fill("Kancelaria")
    page.get_by_label("Indirect reseller").fill("")
    seller.check_accessible()
    page.get_by_role("button", name="Continue to the review").click()

    expect(page.locator("main")).to_contain_text("3 licences")
    expect(page.locator("main")).to_contain_text("Nothing is charged until the publisher")
    seller.check_accessible()
    page.get_by_label("I attest").check()
    page.get_by_role("button", name="Order 1 subscription").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Order placed")
    seller.check_accessible()

    with seller.context.expect_page() as opened:
        page.get_by_role("link", name=re.compile("Go to publisher's site")).click()
    set_up_at_the_publisher(opened.value)
    bought = hub.look(lambda: Subscription.objects.get(nickname="Kancelaria"))

    page.get_by_role("link", name="Follow it").click()
    expect(page.locator("#status")).to_contain_text("Active", timeout=PATIENCE)
    expect(page.locator("#gates li").nth(3)).to_contain_text("first paid day")
    expect(page.locator("#charges tbody tr")).to_have_count(1, timeout=PATIENCE)
    seller.check_accessible()
    charge = hub.look(lambda: Charge.objects.select_related("confirmation").get(subscription=bought))
    assert charge.recorded_at >= charge.confirmed_at == charge.confirmation.starts_at
    assert seller.problems == []


def set_up_at_the_publisher(site):
    site.get_by_label("Company display name").fill("Pod Dębem")
    site.get_by_label("Administrator's e-mail").fill("biuro@pod-debem.example")
    site.get_by_role("button", name="Save the details").click()
    site.get_by_role("button", name=re.compile("^Assign all")).click()
    site.get_by_role("button", name="Confirm that the set-up is complete").click()
    site.get_by_text("Confirmed on").wait_for()


def test_the_page_turns_active_while_it_is_being_looked_at(hub, agent):
    seller = agent(SALES)
    page = seller.open("/subscriptions/?status=pending_fulfillment_start&q=eSign")
    page.locator("a.row-link").first.click()
    expect(page.locator("#status")).to_contain_text("Action required")
    expect(page.locator("#pulse")).to_contain_text("The publisher was last asked", timeout=PATIENCE)

    with seller.context.expect_page() as opened:
        page.locator("#publisher-link").get_by_role("link", name=re.compile("Go to publisher's site")).click()
    set_up_at_the_publisher(opened.value)

    expect(page.locator("#status")).to_contain_text("Active", timeout=PATIENCE)
    expect(page.locator(".toast").last).to_contain_text("the subscription is active")
    expect(page.locator("#pulse")).not_to_have_attribute("hx-trigger", re.compile(".*"))
    assert seller.problems == []


POLISH = {
    "/": ("Strona główna", "Wymagana akcja"),
    "/customers/": ("Klienci", "Waluta"),
    "/subscriptions/": ("Subskrypcje", "Przejdź do witryny wydawcy"),
}


def test_the_same_pages_speak_polish(hub, agent):
    seller = agent(SALES, locale="pl-PL")
    navigation = seller.page.get_by_role("navigation", name="Główna")
    work = ["Strona główna", "Wymagana akcja", "Klienci", "Subskrypcje", "Wnioski o zmianę"]
    looking_on = ["Rozliczenia", "Analizy", "Aktywność", "Wydawcy", "Dla programistów"]
    expect(navigation.get_by_role("link")).to_have_text([*work, *looking_on])
    for path, (heading, words) in POLISH.items():
        page = seller.open(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.locator("main")).to_contain_text(words)
        seller.check_accessible()

    page.get_by_role("link", name="Klienci").first.click()
    page.get_by_role("link", name=BAKERY).click()
    expect(page.get_by_role("link", name="Marketplace")).to_have_attribute("aria-current", "page")
    expect(page.locator("main")).to_contain_text("513,00 zł miesięcznie")
    page.get_by_role("link", name="Kup subskrypcję").click()
    page.locator(".plan-card a").first.click()
    page.get_by_role("button", name="Przejdź do przeglądu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sprawdź zamówienie")
    page.get_by_label("Oświadczam").check()
    page.get_by_role("button", name="Zamów 1 subskrypcję").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zamówienie złożone")
    page.get_by_role("link", name=re.compile("Śledź")).click()
    expect(page.locator("#gates")).to_contain_text("Licencje przypisane")
    seller.check_accessible()
    assert seller.problems == []


def test_somebody_with_both_roles_switches_and_then_cancels_in_a_dialog(agent, hub):
    person = agent(BOTH)
    page = person.open("/subscriptions/?status=pending_fulfillment_start&q=Contracts")
    page.locator("a.row-link").first.click()
    page.get_by_label("Account menu of").click()
    page.get_by_role("button", name="Admin agent").click()
    expect(page.locator("#active-role")).to_contain_text("Admin agent")

    page.get_by_role("button", name="Cancel the subscription").click()
    dialog = page.get_by_role("dialog", name="Cancel the subscription")
    expect(dialog).to_contain_text("nothing was charged")
    person.check_accessible()
    dialog.get_by_label("Reason").fill("The customer changed their mind")
    dialog.get_by_role("button", name="Cancel, nothing was charged").click()

    expect(page.locator("#flight")).to_contain_text("Nothing has been sent yet")
    page.get_by_role("button", name="Do it now").click()
    expect(page.locator("#status")).to_contain_text("Cancelled")
    expect(page.locator("#timeline")).to_contain_text("The customer changed their mind")
    assert person.problems == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("options", [{"viewport": {"width": 320, "height": 640}}, {"color_scheme": "dark"}])
def test_small_screens_and_the_dark_lose_nothing(options, agent, hub):
    seller = agent(SALES, **options)
    first = seller.open("/subscriptions/").locator("a.row-link").first.get_attribute("href")
    customer = seller.page.locator("td a[href^='/customers/']").first.get_attribute("href")
    tabs = [f"{customer}{tab}" for tab in ("", "orders/", "activity/", "account/", "buy/")]
    for path in ["/", "/customers/", "/subscriptions/", "/activity/", first, *tabs]:
        page = seller.open(path)
        page.wait_for_load_state("networkidle")
        seller.check_accessible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert seller.problems == []
