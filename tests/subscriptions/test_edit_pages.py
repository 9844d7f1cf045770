"""Every edit of the subscription page over Django's client: form, what it does, confirmation; refusals; undo."""

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from partnerhub.outbox.models import Event
from subscriptions.enums import Acceptance, Control
from subscriptions.models import ChangeRequest, Operation, Quote, Subscription
from subscriptions.services.allowing import refusal_of
from subscriptions.services.edits import rename
from subscriptions.services.ending import cancel
from subscriptions.services.holding import release_due
from subscriptions.services.quantity import change_quantity
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import accept, refuse
from subscriptions.services.suspension import suspend
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
IN_DIALOG = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=roles[0], roles=list(roles)))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(Role.ADMIN_AGENT)


@pytest.fixture
def sales() -> Client:
    return signed_in(Role.SALES_AGENT)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def page(client: Client, subscription: Subscription):
    return client.get(reverse("subscriptions:detail", args=[subscription.pk]))


def url(subscription: Subscription, kind: str) -> str:
    return reverse("subscriptions:change", args=[subscription.pk, kind])


def look(client: Client, subscription: Subscription, kind: str, **given):
    """The first step: what is wanted, answered by what it does."""
    version = Subscription.objects.get(pk=subscription.pk).version
    return client.post(url(subscription, kind), {"version": version} | given, headers=IN_DIALOG)


def confirm(client: Client, subscription: Subscription, kind: str, reason: str = "", **given):
    """Both steps, as an agent takes them."""
    shown = look(client, subscription, kind, **given)
    assert shown.status_code == 200, text_of(shown)
    return again(client, subscription, kind, shown, reason=reason, **given)


def again(client: Client, subscription: Subscription, kind: str, shown, **given):
    """Send the form of an answer with its hidden fields."""
    hidden = {name: shown.context["form"].data.get(name, "") for name in ("version", "base", "quote")}
    return client.post(url(subscription, kind), hidden | given, headers=IN_DIALOG)


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def told(subscription: Subscription) -> list[str]:
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


# Quantity + Submit


def test_more_licences_are_priced_asked_of_the_publisher_and_charged_as_shown(admin):
    subscription = active(quantity=7)

    shown = look(admin, subscription, "quantity", quantity="10")
    words = text_of(shown)
    done = again(admin, subscription, "quantity", shown, quantity="10")

    assert "7 licences" in words
    assert "10 licences" in words
    assert "Increase to 10 licences, pay €30.24" in words
    assert "Can be reduced again until 30 Nov 2026, 12:00 UTC" in words
    assert done.status_code == 204
    assert done.headers["HX-Redirect"] == reverse("subscriptions:detail", args=[subscription.pk])
    operation = Operation.objects.get()
    assert (operation.payload["before"], operation.payload["after"]["quantity"]) == ({"quantity": 7}, 10)
    assert fresh(subscription).quantity == 7
    waiting = text_of(page(admin, subscription))
    assert "The publisher is being asked." in waiting
    assert "Quantity change · 7 → 10 licences" in waiting
    assert f"Waiting for {subscription.publisher.name}" in waiting

    accept(SYSTEM, operation.pk, how=Acceptance.SILENCE, at=NOON)

    assert fresh(subscription).quantity == 10
    assert "Accepted by silence" in text_of(page(admin, subscription))


def test_a_refusal_of_the_publisher_leaves_the_quantity_and_says_why(admin):
    subscription = active(quantity=7)
    confirm(admin, subscription, "quantity", quantity="10")

    refuse(SYSTEM, Operation.objects.get().pk, why="Not below 6 seats in use", at=NOON)

    words = text_of(page(admin, subscription))
    assert fresh(subscription).quantity == 7
    assert "refused it: all is as it was." in words
    assert "“Not below 6 seats in use”" in words


def test_fewer_licences_are_held_counted_down_and_undone(admin):
    subscription = active(quantity=7)

    shown = look(admin, subscription, "quantity", quantity="5")
    again(admin, subscription, "quantity", shown, quantity="5", reason="Two left")
    operation = Operation.objects.get()
    held = page(admin, subscription).content.decode()
    undone = admin.post(reverse("subscriptions:undo", args=[subscription.pk, operation.pk]))

    assert "Reduce to 5 licences, credit €20.16" in text_of(shown)
    assert operation.held_until == NOON + timedelta(seconds=60)
    assert 'data-countdown="2026-11-23T12:01:00+00:00"' in held
    assert undone.status_code == 302
    assert "Undone: nothing was sent" in text_of(page(admin, subscription))
    assert Operation.objects.get().status == "withdrawn"
    assert told(subscription)[-2:] == ["subscription.change_held", "subscription.change_undone"]
    assert fresh(subscription).quantity == 7


def test_do_it_now_sends_a_held_change_and_then_undo_comes_too_late(admin):
    subscription = active(quantity=7)
    confirm(admin, subscription, "quantity", quantity="5")
    operation = Operation.objects.get()

    admin.post(reverse("subscriptions:hurry", args=[subscription.pk, operation.pk]))
    late = admin.post(reverse("subscriptions:undo", args=[subscription.pk, operation.pk]), follow=True)

    assert Operation.objects.get().held_until is None
    assert "can no longer be undone" in text_of(late)
    assert Operation.objects.get().status == "not_started"


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [
        ("101", "Quantity 101 is outside 1 to 100 for the plan"),
        ("0", "Ensure this value is greater than or equal to 1."),
        ("many", "Enter a whole number."),
        ("7", "Nothing would change."),
    ],
)
def test_a_quantity_that_cannot_be_is_refused_at_its_field_and_stays_typed(quantity, sentence, admin):
    subscription = active(quantity=7)

    answer = look(admin, subscription, "quantity", quantity=quantity)

    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert f'value="{quantity}"' in answer.content.decode()
    assert (Operation.objects.count(), fresh(subscription).quantity) == (0, 7)


def test_a_reduction_that_goes_too_far_offers_what_can_be_had(admin, clock):
    subscription = active(at=NOON - timedelta(days=10), quantity=7)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=NOON)
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)

    card = text_of(page(admin, subscription))
    answer = look(admin, subscription, "quantity", quantity="5")
    later = look(admin, subscription, "renewal", quantity="5", plan_term=answer.context["choices"]["plan_term"])

    assert "2 removable now, until 30 Nov 2026, 12:00; 6 more at renewal on 13 Dec 2026." in card
    assert answer.status_code == 422
    assert "Licences that can be removed now: 2 of 9; asked for: 4." in text_of(answer)
    assert "Reduce to 7 licences now" in text_of(answer)
    assert "5 licences at renewal on 13 Dec 2026" in text_of(answer)
    assert "Schedule for renewal" in text_of(later)


def test_when_none_can_be_removed_now_it_says_how_many_at_renewal(admin):
    subscription = active(at=NOON - timedelta(days=10), quantity=7)

    assert "None can be removed now; 6 at renewal on 13 Dec 2026." in text_of(page(admin, subscription))


@pytest.mark.parametrize("on_sale", [True, False])
@pytest.mark.parametrize("kind", ["plan", "billing-frequency"])
def test_where_there_is_nothing_else_to_choose_nothing_is_offered(admin, kind, on_sale):
    subscription = active()
    if not on_sale:
        subscription.plan_term.prices.update(valid_to=NOON - timedelta(days=1))

    form = admin.get(url(subscription, kind), headers=IN_DIALOG)

    assert text_of(form).count("There is nothing else to choose here within this term.") == 1
    assert "See what it does" not in text_of(form)
    assert form.content.decode().count('type="radio"') == on_sale


def test_while_one_change_is_in_flight_every_other_says_so(admin):
    subscription = active(quantity=7)
    confirm(admin, subscription, "quantity", quantity="10")

    answer = look(admin, subscription, "quantity", quantity="12")
    codes = re.findall(r'data-code="(\w+)"', page(admin, subscription).content.decode())

    assert answer.status_code == 409
    assert "is still under way" in text_of(answer)
    assert set(codes) == {"operation_pending"}
    assert Operation.objects.count() == 1


# What was shown is what is done


def test_when_something_moved_nothing_is_done_and_old_and_new_are_shown(admin):
    subscription = active(quantity=7)
    shown = look(admin, subscription, "quantity", quantity="10")
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=8, version=None, at=NOON)
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)
    before = told(subscription)

    answer = admin.post(
        url(subscription, "quantity"),
        {"version": fresh(subscription).version, "quote": shown.context["form"].data["quote"], "quantity": "10"},
        headers=IN_DIALOG,
    )

    words = text_of(answer)
    assert answer.status_code == 409
    assert "Something moved since you looked. Nothing was changed." in words
    assert "€30.24" in words
    assert "€20.16" in words
    assert told(subscription) == before
    assert again(admin, subscription, "quantity", answer, quantity="10").status_code == 204


def test_a_quote_that_ran_out_is_made_anew_and_nothing_is_done(admin, clock):
    subscription = active(quantity=7)
    shown = look(admin, subscription, "quantity", quantity="10")
    clock.move_to(NOON + timedelta(minutes=15))

    answer = again(admin, subscription, "quantity", shown, quantity="10")

    assert answer.status_code == 422
    assert "The quote was good until 23 Nov 2026, 12:15 UTC." in text_of(answer)
    assert Operation.objects.count() == 0
    assert Quote.objects.count() == 2


def test_looking_ahead_leaves_nothing_behind(admin):
    subscription = active(quantity=7)
    before = (told(subscription), fresh(subscription).version, list(subscription.charges.values_list("amount")))

    look(admin, subscription, "quantity", quantity="10")

    after = (told(subscription), fresh(subscription).version, list(subscription.charges.values_list("amount")))
    assert after == before
    assert Operation.objects.count() == 0


# Somebody else was faster


def test_somebody_elses_quantity_is_compared_and_what_was_typed_stays(admin):
    subscription = active(quantity=7)
    form = page(admin, subscription).context["edit"]
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=NOON)
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)
    sent = {"version": form["version"], "base": form["quantity_base"], "quantity": "12"}

    answer = admin.post(url(subscription, "quantity"), sent, headers=IN_DIALOG)

    assert answer.status_code == 409
    assert [(one.base, one.theirs, one.yours, one.is_clash) for one in answer.context["form"].conflicts] == [
        ("7", "9", "12", True)
    ]
    assert 'value="12"' in answer.content.decode()
    assert again(admin, subscription, "quantity", answer, quantity="12").status_code == 200


def test_somebody_elses_nickname_does_not_stand_in_the_way_of_a_quantity(admin):
    subscription = active(quantity=7)
    form = page(admin, subscription).context["edit"]
    rename(actor(Role.ADMIN_AGENT), subscription.pk, nickname="Theirs", version=None, at=NOON)
    sent = {"version": form["version"], "base": form["quantity_base"], "quantity": "12"}

    answer = admin.post(url(subscription, "quantity"), sent, headers=IN_DIALOG)

    assert answer.status_code == 200
    assert "Increase to 12 licences" in text_of(answer)


def test_a_nickname_typed_over_somebody_elses_is_compared_and_then_a_decision(admin):
    subscription = active(nickname="First")
    address = reverse("subscriptions:rename", args=[subscription.pk])
    shown = admin.get(address, headers=IN_DIALOG).context["nickname_form"]
    rename(actor(Role.ADMIN_AGENT), subscription.pk, nickname="Theirs", version=None, at=NOON)

    answer = admin.post(
        address, {"nickname": "Mine", "version": shown["version"].value(), "base": shown["base"].value()}
    )
    form = answer.context["nickname_form"]
    decided = admin.post(address, {name: form.data[name] for name in ("nickname", "version", "base")})

    assert answer.status_code == 409
    assert [(one.base, one.theirs, one.yours) for one in form.conflicts] == [("First", "Theirs", "Mine")]
    assert decided.status_code == 302
    assert fresh(subscription).nickname == "Mine"


# The other edits


def test_the_nickname_is_edited_in_its_place(admin):
    subscription = active(nickname="First")
    address = reverse("subscriptions:rename", args=[subscription.pk])

    form = admin.get(address, headers=IN_DIALOG)
    kept = admin.get(f"{address}?leave=1", headers=IN_DIALOG)
    saved = admin.post(address, {"nickname": "Biuro", "version": subscription.version}, headers=IN_DIALOG)

    assert 'value="First"' in form.content.decode()
    assert "<html" not in form.content.decode()
    assert "<h1>First</h1>" in kept.content.decode()
    assert "<h1>Biuro</h1>" in saved.content.decode()
    assert "The nickname is now" in saved.headers["HX-Trigger"]


def test_auto_renew_off_is_shown_held_and_takes_effect(admin):
    subscription = active()

    shown = text_of(look(admin, subscription, "auto-renew", auto_renew="off"))
    confirm(admin, subscription, "auto-renew", auto_renew="off")
    release_due(SYSTEM, at=NOON + timedelta(seconds=61))

    assert "Ends on 22 Dec 2026" in shown
    assert "Nothing is charged or credited today." in shown
    assert fresh(subscription).auto_renew is False


def test_another_plan_of_the_offer_is_chosen_by_its_price_and_asked_of_the_publisher(admin):
    subscription = active(quantity=7)
    pro = PlanTermFactory(
        plan=PlanFactory(offer=subscription.offer, sku_id="0002", title="Pro"), amounts={"EUR": "20.00"}
    )

    form = text_of(admin.get(url(subscription, "plan"), headers=IN_DIALOG))
    shown = look(admin, subscription, "plan", plan_term=str(pro.pk))
    again(admin, subscription, "plan", shown, plan_term=str(pro.pk))
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)

    assert "Pro €20.00 per licence per month" in form
    assert "Change to Pro, pay €69.44" in text_of(shown)
    assert (fresh(subscription).plan.title, fresh(subscription).unit_price) == ("Pro", Decimal("20.0000"))


def test_the_billing_frequency_is_scheduled_where_the_policy_says_so(admin):
    yearly = PlanTermFactory(term="P1Y", billing_cycle="annual", amounts={"EUR": "100.00"})
    monthly = PlanTermFactory(plan=yearly.plan, term="P1Y", billing_cycle="monthly", amounts={"EUR": "10.00"})
    subscription = active(term=yearly)

    done = confirm(admin, subscription, "billing-frequency", plan_term=str(monthly.pk))

    assert done.status_code == 204
    assert fresh(subscription).scheduled_renewal.plan_term == monthly
    assert "1 year, billed monthly" in text_of(page(admin, subscription))


def test_what_begins_at_renewal_is_scheduled_kept_and_taken_back(admin):
    subscription = active(quantity=7)
    term = str(subscription.plan_term_id)

    confirm(admin, subscription, "renewal", quantity="5", plan_term=term)
    scheduled = text_of(page(admin, subscription))
    more = text_of(look(admin, subscription, "quantity", quantity="10"))
    admin.post(reverse("subscriptions:unschedule", args=[subscription.pk]), {"version": fresh(subscription).version})

    assert "On 23 Dec 2026: 5 licences." in scheduled
    assert "What is scheduled stays: 5 licences at renewal on 23 Dec 2026." in more
    assert "On 23 Dec 2026, as it is." in text_of(page(admin, subscription))


def test_a_schedule_taken_back_over_somebody_elses_change_stays(admin):
    subscription = active(quantity=7)
    schedule_renewal(actor(Role.ADMIN_AGENT), subscription.pk, quantity=5, version=None, at=NOON)

    answer = admin.post(reverse("subscriptions:unschedule", args=[subscription.pk]), {"version": "1"}, follow=True)

    assert "This was changed by somebody else" in text_of(answer)
    assert fresh(subscription).scheduled_renewal.quantity == 5


def test_a_reseller_is_chosen_among_the_known_and_one_without_agreement_is_refused(admin):
    subscription = active()
    good = ResellerFactory()
    unsigned = ResellerFactory(agreement_signed_at=None)

    form = admin.get(url(subscription, "reseller"), headers=IN_DIALOG).content.decode()
    refused = look(admin, subscription, "reseller", partner_id=unsigned.partner_id)
    confirm(admin, subscription, "reseller", partner_id=good.partner_id)
    release_due(SYSTEM, at=NOON + timedelta(seconds=61))

    assert f'<option value="{good.partner_id}">' in form
    assert f'<option value="{unsigned.partner_id}">' not in form
    assert refused.status_code == 422
    assert "has not accepted the partner agreement" in text_of(refused)
    assert fresh(subscription).reseller == good


def test_suspending_wants_a_reason_and_reinstating_takes_it_up_again(admin):
    subscription = active()

    shown = look(admin, subscription, "suspend")
    without = again(admin, subscription, "suspend", shown)
    again(admin, subscription, "suspend", without, reason="Not paid")
    suspended = fresh(subscription).status
    words = text_of(page(admin, subscription))
    confirm(admin, subscription, "reinstate", reason="Paid")

    assert without.status_code == 422
    assert "Say why: it goes on record." in text_of(without)
    assert suspended == "suspended"
    assert "Reinstate" in words
    assert fresh(subscription).status == "subscribed"


# Who may, who may ask, and why not


def test_a_sales_agent_gets_the_same_forms_which_ask_an_admin_agent(sales):
    subscription = active(quantity=7)

    card = page(sales, subscription)
    shown = look(sales, subscription, "quantity", quantity="10")
    without = again(sales, subscription, "quantity", shown, quantity="10")
    asked = again(sales, subscription, "quantity", without, quantity="10", reason="Three new people")

    assert "what you fill in here goes to an admin agent" in text_of(card)
    assert "Ask an admin agent: Increase to 10 licences, pay €30.24" in text_of(shown)
    assert without.status_code == 422
    assert asked.status_code == 204
    request = ChangeRequest.objects.get()
    assert (request.changes, request.reason, request.status) == ({"quantity": [7, 10]}, "Three new people", "open")
    assert (fresh(subscription).quantity, Operation.objects.count()) == (7, 0)


@pytest.mark.parametrize("kind", ["nickname", "cancel"])
def test_what_an_admin_agent_does_elsewhere_a_sales_agent_asks_for_here(kind, sales, admin):
    subscription = active(nickname="First")

    asked = confirm(sales, subscription, kind, reason="Please", **({"nickname": "New"} if kind == "nickname" else {}))
    sent_on = admin.get(url(subscription, kind))

    assert asked.status_code == 204
    assert ChangeRequest.objects.count() == 1
    assert sent_on.headers["Location"].endswith({"nickname": "/nickname/", "cancel": "/cancel/"}[kind])
    assert (fresh(subscription).nickname, fresh(subscription).status) == ("First", "subscribed")


KINDS = {
    "quantity": {"quantity": "9"},
    "auto-renew": {"auto_renew": "off"},
    "reseller": {"partner_id": ""},
    "suspend": {},
    "nickname": {"nickname": "New"},
}


@pytest.mark.parametrize("role", [Role.OPS_AGENT, Role.PLATFORM_ADMIN])
@pytest.mark.parametrize("kind", KINDS)
def test_whoever_may_neither_do_nor_ask_is_told_who_can_and_changes_nothing(kind, role):
    subscription, client = active(quantity=7), signed_in(role)
    before = told(subscription)

    card = page(client, subscription).content.decode()
    opened = client.get(url(subscription, kind), headers=IN_DIALOG, follow=True)
    forged = client.post(url(subscription, kind), {"version": subscription.version} | KINDS[kind], follow=True)

    assert 'hx-post="/subscriptions' not in card.partition('id="edit"')[2].partition("</section>")[0]
    assert set(re.findall(r'data-code="(\w+)"', card)) == {"not_permitted"}
    assert "Admin agent" in text_of(opened)
    assert forged.status_code in (403, 405, 422, 200)
    assert (told(subscription), Quote.objects.count()) == (before, 0)


def test_before_activation_every_control_says_what_it_waits_for(admin):
    subscription = buy()

    card = page(admin, subscription).content.decode()

    assert set(re.findall(r'data-code="(\w+)"', card)) == {"not_activated_yet"}
    assert "The publisher has not confirmed this subscription yet" in html.unescape(card)
    assert reverse("subscriptions:cancel", args=[subscription.pk]) in card


def test_an_unknown_kind_of_change_is_not_found(admin):
    assert admin.get(url(active(), "colour")).status_code == 404


def in_flight() -> Subscription:
    subscription = active(quantity=7)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=NOON)
    return subscription


def suspended() -> Subscription:
    return suspend(actor(Role.ADMIN_AGENT), active(quantity=7).pk, reason="Not paid", version=None, at=NOON)


def ended() -> Subscription:
    return cancel(actor(Role.ADMIN_AGENT), buy().pk, reason="Twice", version=None, at=NOON, hold=False)


STATES = {"pending": buy, "active": active, "in flight": in_flight, "suspended": suspended, "ended": ended}
DISABLED = re.compile(r'aria-disabled="true" aria-describedby="([\w-]+)-why"(?: data-code="(\w+)")?')


@pytest.mark.parametrize("role", [Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
@pytest.mark.parametrize("state", STATES)
def test_every_disabled_control_has_the_code_of_the_service_a_reason_and_somebody_to_turn_to(state, role):
    subscription = STATES[state]()
    client = signed_in(role)

    shown = page(client, subscription).content.decode()

    found = dict(DISABLED.findall(shown))
    for name, code in found.items():
        reason = re.search(rf'role="tooltip" id="{name}-why">(.+?)</span></span>', shown)
        assert code, name
        assert reason, name
        assert "Who can:" in reason.group(1), name
        if name in set(Control):
            judge = Role.ADMIN_AGENT if role == Role.SALES_AGENT else role
            refusal = refusal_of(actor(judge), Control(name), subscription, at=NOON)
            expected = refusal_of(actor(judge), Control.SCHEDULE, subscription, at=NOON)
            assert code in {one.code for one in (refusal, expected) if one}, name


# The page that looks again


def test_the_page_follows_a_change_until_it_has_taken_effect(admin):
    subscription = active(quantity=7)
    confirm(admin, subscription, "quantity", quantity="10")
    pulse = page(admin, subscription).context["pulse"]

    def look_again():
        return admin.get(pulse.url, headers={"If-None-Match": f'"{pulse.etag}"', "HX-Request": "true"})

    assert pulse.is_live
    assert look_again().status_code == 304
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)
    changed = look_again()
    assert "The change is made." in changed.headers["HX-Trigger"]
    assert "accepted it." in text_of(changed)
    assert changed.context["pulse"].is_live is False


def test_the_command_bar_finds_subscriptions_and_customers(sales):
    subscription = active(nickname="Biuro Kraków")

    found = text_of(sales.get(reverse("subscriptions:command"), {"q": "Kraków"}))
    nothing = sales.get(reverse("subscriptions:command"), {"q": "K"}).content.decode()

    assert "Biuro Kraków" in found
    assert subscription.customer.name in text_of(
        sales.get(reverse("subscriptions:command"), {"q": subscription.customer.name})
    )
    assert "option" not in nothing
