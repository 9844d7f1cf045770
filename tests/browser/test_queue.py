"""Two agents at the queue: what one does, the other sees by itself, and loses nothing that was under the hands."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
SEEN_WITHIN = 5_000  # milliseconds


def test_what_one_agent_does_the_other_sees_within_five_seconds(agent):
    olga, adam = agent("ops@partnerhub.example"), agent("admin@partnerhub.example")
    statuses: list[int] = []
    page, other = olga.open("/attention/"), adam.open("/attention/")
    page.on("response", lambda answer: statuses.append(answer.status) if "/attention/live/" in answer.url else None)
    expect(page).to_have_title(re.compile(r"^\(\d+\) Action required"))
    rows = page.locator("tr[data-row]")
    key, other_key = (rows.nth(place).get_attribute("data-row") for place in (0, 1))
    chosen = page.locator(f'tr[data-row="{other_key}"]')
    chosen.get_by_role("checkbox").check()
    chosen.locator("a.row-link").focus()
    focused = page.evaluate("document.activeElement.id")

    other.locator(f'tr[data-row="{key}"] a.row-link').focus()
    other.keyboard.press("a")

    expect(page.locator(f'tr[data-row="{key}"]')).to_contain_text("Anna Wiśniewska", timeout=SEEN_WITHIN)
    assert (chosen.get_by_role("checkbox").is_checked(), page.evaluate("document.activeElement.id")) == (True, focused)
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Put aside")).to_be_visible()
    olga.check_accessible()
    page.keyboard.press("Escape")
    with page.expect_response(lambda answer: "/attention/live/" in answer.url and answer.status == 304):
        pass
    assert set(statuses) <= {200, 304}
    assert olga.problems == adam.problems == []
