"""The subscription page as agents use it: every edit, who may only ask, undo, conflicts, keys, themes and languages."""

import re

import pytest
from playwright.sync_api import expect

from subscriptions.models import ChangeRequest, Operation, Subscription

ADMIN, SALES, OPS = "admin@partnerhub.example", "sales@partnerhub.example", "ops@partnerhub.example"
PATIENCE = 30_000


@pytest.fixture
def running(hub):
    """An active subscription of the demo with nothing in flight whose seats can still be reduced."""

    def found() -> Subscription:
        busy = Operation.objects.filter(status__in=["not_started", "in_progress"]).values("subscription_id")
        candidates = Subscription.objects.filter(status="subscribed", plan__pricing="per_user", quantity__gt=3)
        return candidates.exclude(pk__in=busy).order_by("-purchased_at").first()

    return hub.look(found)


def address(subscription: Subscription) -> str:
    return f"/subscriptions/{subscription.pk}/"


def fresh(hub, subscription: Subscription) -> Subscription:
    return hub.look(lambda: Subscription.objects.get(pk=subscription.pk))


def dialog_of(page, title: str):
    return page.get_by_role("dialog", name=title)


def test_an_admin_agent_edits_the_nickname_in_its_place_with_the_keyboard(hub, agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))

    page.get_by_role("link", name="Change the nickname").press("Enter")
    field = page.get_by_role("textbox", name="Nickname")
    expect(field).to_be_focused()
    admin.check_accessible()
    field.fill("Never mind")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text(running.nickname)

    page.get_by_role("heading", level=1).click()
    page.get_by_role("textbox", name="Nickname").fill("Biuro Kraków")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Biuro Kraków")
    assert fresh(hub, running).nickname == "Biuro Kraków"
    assert admin.problems == []


def test_quantity_and_submit_shows_the_price_and_the_publisher_decides(hub, agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))
    page.get_by_label("Quantity").fill(str(running.quantity + 2))
    page.get_by_role("button", name="Submit").click()

    dialog = dialog_of(page, "Change the quantity")
    expect(dialog).to_contain_text(f"{running.quantity + 2} licences")
    expect(dialog).to_contain_text("Charged today")
    admin.check_accessible()
    dialog.get_by_role("button", name=re.compile(f"^Increase to {running.quantity + 2} licences, pay ")).click()

    expect(page.locator("#flight")).to_contain_text("Quantity change")
    admin.check_accessible()
    expect(page.locator("#flight .flight")).to_have_attribute(
        "data-state", re.compile("accepted|silence|refused"), timeout=PATIENCE
    )
    expect(page.locator("#timeline")).to_contain_text("licences")
    assert admin.problems == []


def test_turning_auto_renew_off_counts_down_and_is_undone(hub, agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))
    page.get_by_role("button", name="Turn auto-renew off").click()
    dialog_of(page, "Change auto-renew").get_by_role("button", name="Turn auto-renew off").click()

    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^\d+ sec$"))
    admin.check_accessible()
    expect(page.locator("#edit").get_by_role("button", name="Submit")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Undo").click()

    expect(page.locator(".toast")).to_contain_text("Undone: nothing was sent")
    expect(page.locator("#flight .flight")).to_have_count(0)
    assert fresh(hub, running).auto_renew is True
    assert admin.problems == []


def test_the_other_forms_open_say_what_they_do_and_are_left_by_escape(agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))
    for label, title in {
        "Change what begins at renewal": "At renewal",
        "Change the plan": "Change the plan",
        "Change the billing frequency": "Change the billing frequency",
        "Change the reseller": "Change the reseller",
        "Suspend": "Suspend the subscription",
    }.items():
        button = page.locator("#edit").get_by_role("button", name=label, exact=True)
        button.click()
        expect(dialog_of(page, title)).to_be_visible()
        admin.check_accessible()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
    assert admin.problems == []


def test_a_wrong_reseller_is_refused_at_its_field_and_stays_typed(hub, agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))
    page.get_by_role("button", name="Change the reseller").click()
    dialog = dialog_of(page, "Change the reseller")
    dialog.get_by_label("Indirect reseller PartnerID").fill("1111111")
    dialog.get_by_role("button", name="See what it does").click()

    expect(dialog).to_contain_text("There is no indirect reseller with PartnerID 1111111.")
    expect(dialog.get_by_label("Indirect reseller PartnerID")).to_have_value("1111111")
    expect(dialog.get_by_label("Indirect reseller PartnerID")).to_be_focused()
    admin.check_accessible()
    assert fresh(hub, running).reseller_id == running.reseller_id


def test_two_admin_agents_edit_the_nickname_and_nothing_typed_is_lost(hub, agent, running):
    first, second = agent(ADMIN), agent(ADMIN)
    pages = [each.open(address(running)) for each in (first, second)]
    for page in pages:
        page.get_by_role("link", name="Change the nickname").click()
    for page, name in zip(pages, ("Theirs", "Mine"), strict=True):
        page.get_by_role("textbox", name="Nickname").fill(name)
    pages[0].keyboard.press("Enter")
    expect(pages[0].get_by_role("heading", level=1)).to_have_text("Theirs")
    pages[1].keyboard.press("Enter")

    expect(pages[1].get_by_role("alert").first).to_contain_text("Somebody else changed this")
    expect(pages[1].locator("#nickname tbody tr")).to_contain_text("Theirs")
    expect(pages[1].get_by_role("textbox", name="Nickname")).to_have_value("Mine")
    second.check_accessible()
    assert fresh(hub, running).nickname == "Theirs"
    pages[1].get_by_role("button", name="Save the nickname").click()
    expect(pages[1].get_by_role("heading", level=1)).to_have_text("Mine")


def test_a_sales_agent_meets_no_forbidden_control_and_asks(hub, agent, running):
    seller = agent(SALES)
    page = seller.open(address(running))
    edit = page.locator("#edit")
    expect(edit.locator("[aria-disabled=true][data-code=not_permitted]")).to_have_count(0)
    expect(edit).to_contain_text("goes to an admin agent as a change request")
    seller.check_accessible()
    page.get_by_label("Quantity").fill(str(running.quantity + 1))
    edit.get_by_role("button", name="Ask an admin agent").click()

    dialog = dialog_of(page, "Change the quantity")
    expect(dialog).to_contain_text("You act as Sales agent")
    seller.check_accessible()
    dialog.get_by_label("Reason").fill("One more person")
    dialog.get_by_role("button", name="Ask an admin agent").click()

    expect(page.locator(".toast")).to_contain_text("An admin agent is asked.")
    asked = hub.look(lambda: ChangeRequest.objects.get(subscription=running, reason="One more person"))
    assert (asked.changes, asked.status) == ({"quantity": [running.quantity, running.quantity + 1]}, "open")
    assert fresh(hub, running).quantity == running.quantity
    assert seller.problems == []


def test_an_operations_agent_reads_why_not_and_who_can_at_each_control(agent, running):
    operator = agent(OPS)
    page = operator.open(address(running))
    locked = page.locator("#edit [aria-disabled=true]")
    assert locked.count() >= 7
    assert set(locked.evaluate_all("all => all.map(one => one.dataset.code)")) == {"not_permitted"}
    locked.first.focus()
    expect(page.get_by_role("tooltip").filter(has_text="Who can: Admin agent").first).to_be_visible()
    operator.check_accessible()


def test_the_command_bar_reaches_a_control_of_the_page_and_another_subscription(agent, running):
    admin = agent(ADMIN)
    page = admin.open(address(running))
    page.keyboard.press("Control+k")
    bar = page.get_by_role("dialog", name="Command bar")
    admin.check_accessible()
    page.keyboard.type("suspend")
    expect(bar.get_by_role("option", selected=True)).to_have_text("Suspend")
    page.keyboard.press("Enter")
    expect(dialog_of(page, "Suspend the subscription")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("Control+k")
    page.keyboard.type("piekarnia")
    expect(bar.get_by_role("group", name="Customers").get_by_role("option").first).to_contain_text("Piekarnia")
    admin.check_accessible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1360])
def test_page_and_dialog_are_accessible_in_both_themes_wide_and_narrow_in_polish(theme, width, agent, running):
    options = {"color_scheme": theme, "viewport": {"width": width, "height": 800}}
    admin = agent(ADMIN, locale="pl-PL", **options)
    page = admin.open(address(running))
    expect(page.locator("#edit")).to_contain_text("Działasz jako")
    admin.check_accessible()
    page.get_by_label("Ilość").fill(str(running.quantity + 1))
    page.get_by_role("button", name="Prześlij").click()
    expect(dialog_of(page, "Zmień ilość")).to_contain_text("Zwiększ")
    admin.check_accessible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert admin.problems == []


def test_without_scripts_every_step_is_a_page_of_its_own(hub, agent, running):
    admin = agent(ADMIN, java_script_enabled=False)
    page = admin.open(address(running))
    page.get_by_label("Quantity").fill(str(running.quantity + 1))
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("button", name=re.compile("^Increase to .* licences, pay "))).to_be_visible()
    page.get_by_role("link", name="Leave it").click()
    page.get_by_role("button", name="Turn auto-renew off").click()
    page.get_by_role("button", name="Turn auto-renew off").click()
    expect(page.get_by_role("timer")).to_have_text(re.compile("UTC$"))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Undone")
    after = fresh(hub, running)
    assert (after.quantity, after.auto_renew) == (running.quantity, True)
