"""Take the screenshots of docs/images from a running demo: `.venv/bin/python -m docs.make_screenshots [address]`.

A sales agent buys a subscription, sets it up at the publisher's site and sees billing start; an admin agent looks ahead
at a change. Every run adds one subscription to the demo's data. Needs the environment of `manage.py test` (Playwright)
and a Chromium.
"""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from partnerhub.runtime.browser import find_chromium

IMAGES = Path(__file__).resolve().parent / "images"
WIDTH = 1280
PASSWORD = "partnerhub-demo"  # noqa: S105 - printed for everybody who starts the demo
CUSTOMER = "Bergkristall Optik GmbH"
OFFER, PLAN, LICENCES, NICKNAME = "Northwind eSign", "Team", 7, "Design team"
PUBLISHER = "Northwind Sign"
FOUND_OUT_MS = 60_000


def main(hub: str) -> None:
    refuse_unless_ready(hub)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        with signed_in(browser, hub, "sales") as page:
            buy(page, hub)
            subscription = set_up_and_bill(page)
            marketplace(page, hub)
        with signed_in(browser, hub, "admin") as page:
            look_ahead(page, subscription)
            page.goto(f"{hub}/requests/")
            shoot(page, "requests", height=520)
            page.goto(f"{hub}/subscriptions/?status=subscribed")
            shoot(page, "subscriptions", height=760)
            page.goto(f"{hub}/publishers/")
            page.get_by_role("link", name=PUBLISHER).first.click()
            shoot(page, "publisher-health", height=900)
            page.goto(f"{hub}/billing/invoices/")
            page.locator("main table tbody a").first.click()
            shoot(page, "invoice", height=900)
        with signed_in(browser, hub, "admin", locale="pl-PL", color_scheme="dark") as page:
            page.goto(subscription)
            shoot(page, "polish-dark", height=860)
        with signed_in(browser, hub, "ops") as page:
            shoot(page, "home", height=760)
            page.goto(f"{hub}/attention/")
            shoot(page, "attention", height=760)
            page.goto(f"{hub}/insight/")
            shoot(page, "insight", height=860)
        browser.close()


def refuse_unless_ready(hub: str) -> None:
    with urllib.request.urlopen(f"{hub}/health/ready", timeout=5) as answer:  # noqa: S310 - the address is ours
        if json.load(answer)["status"] != "ready":
            raise SystemExit(f"{hub} is not ready: start `python3 manage.py demo` first.")


@contextmanager
def signed_in(browser: Browser, hub: str, person: str, *, locale: str = "en-GB", **look: str) -> Iterator[Page]:
    """A page of the hub, at home, as this person of the demo."""
    context = browser.new_context(locale=locale, viewport={"width": WIDTH, "height": 800}, **look)
    page = context.new_page()
    page.goto(f"{hub}/")
    page.locator("input[name=username]").fill(f"{person}@partnerhub.example")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{hub}/")
    yield page
    context.close()


def buy(page: Page, hub: str) -> None:
    """From the customer to the confirmation page."""
    page.goto(f"{hub}/customers/")
    page.get_by_role("link", name=CUSTOMER).first.click()
    page.get_by_role("link", name="Buy a subscription").first.click()
    offers = page.locator("li.card").filter(has=page.get_by_role("link", name=re.compile(f"^{OFFER}")))
    offers.filter(has_text=f"{PLAN} ·").get_by_role("link").click()
    page.get_by_label("Quantity").fill(str(LICENCES))
    page.get_by_label("Nickname").fill(NICKNAME)
    page.get_by_role("button", name="Continue to the review").click()
    page.locator("input[name=attested]").check()
    page.get_by_role("button", name=re.compile("^Order ")).click()
    expect(page.get_by_role("heading", name="Order placed")).to_be_visible()
    shoot(page, "confirmation", height=520)


def set_up_and_bill(page: Page) -> str:
    """Do at the publisher's site what it asks; photograph the gates before and after. The subscription's address."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Go to publisher's site").first.click()
    site = opened.value
    page.get_by_role("link", name="Follow it").first.click()
    fill_details(site)
    for licence in range(1, 5):
        site.get_by_role("button", name=f"Assign licence {licence}", exact=True).click()
    site.set_viewport_size({"width": 900, "height": 780})
    site.locator("#licences").evaluate("step => step.scrollIntoView()")
    shoot(site, "publisher", height=780, width=900)
    expect(page.locator("body")).to_contain_text(f"4 of {LICENCES} licences are assigned", timeout=FOUND_OUT_MS)
    shoot(page, "gates", height=820)
    site.get_by_role("button", name=re.compile("^Assign the remaining")).click()
    site.get_by_role("button", name="Confirm that the set-up is complete").click()
    expect(page.locator("#charges table")).to_be_visible(timeout=FOUND_OUT_MS)
    shoot(page, "billed", height=1000)
    return page.url


def look_ahead(page: Page, subscription: str) -> None:
    """What three licences more would cost, shown before anything happens."""
    page.goto(subscription)
    page.get_by_label("Quantity").first.fill(str(LICENCES + 3))
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("button", name=re.compile("^Increase to"))).to_be_visible()
    shoot(page, "change", height=900)


def fill_details(site: Page) -> None:
    site.get_by_label("Company display name").fill(CUSTOMER)
    site.get_by_label("Administrator's e-mail").fill("it@bergkristall.example")
    site.get_by_role("button", name="Save the details").click()


def marketplace(page: Page, hub: str) -> None:
    page.goto(f"{hub}/customers/")
    page.get_by_role("link", name=CUSTOMER).first.click()
    shoot(page, "marketplace", height=760)


def shoot(page: Page, name: str, *, height: int, width: int = WIDTH) -> None:
    """What is seen in a window of this size, without the mouse over anything."""
    page.set_viewport_size({"width": width, "height": height})
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8000")
