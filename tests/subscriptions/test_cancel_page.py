"""The page that cancels: what it shows beforehand, what it then does, and every refusal at its place."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from billing.models import Charge
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from publishers.models import Plan, Policy, Term
from subscriptions.enums import Acceptance
from subscriptions.models import Operation, Quote, Subscription
from subscriptions.services.holding import release_due
from subscriptions.services.quantity import change_quantity
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.settling import accept
from tests.factories.accounts import LONG_AGO, UserFactory, actor
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
IN_DIALOG = {"HX-Request": "true"}
LATE = NOON + timedelta(days=5)
STEPS = ["Export the customer's data", "Return the hardware tokens"]


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def admin(clock) -> Client:
    return signed_in(Role.ADMIN_AGENT)


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role, roles=[role]))
    return client


def url(subscription: Subscription) -> str:
    return reverse("subscriptions:cancel", args=[subscription.pk])


def look(client: Client, subscription: Subscription):
    return client.get(url(subscription))


def confirm(client: Client, subscription: Subscription, shown, **given):
    """Send the form of an answer with its hidden fields."""
    hidden = {name: shown.context["form"][name].value() or "" for name in ("version", "base", "quote")}
    return client.post(url(subscription), hidden | given)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def button(response) -> str:
    """What the button that does it says."""
    found = re.search(r'<button class="button danger">([^<]*)</button>', response.content.decode())
    return html.unescape(found[1]) if found else ""


def policy(name: str, value: str, plan: Plan) -> None:
    Policy.objects.create(name=name, value=value, plan=plan, valid_from=LONG_AGO)


def by_agreement(clock, **bought) -> Subscription:
    """One whose window has closed and whose publisher may still agree."""
    subscription = active(**bought)
    policy("cancel_after_window", "by_agreement", subscription.plan)
    clock.move_to(LATE)
    return subscription


def state(subscription: Subscription) -> tuple:
    """All that a refusal must leave alone."""
    row = Subscription.objects.filter(pk=subscription.pk).values().get()
    told = list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))
    return row, told, Charge.objects.count(), Operation.objects.count()


def shown_lines(response) -> list[tuple]:
    preview = Quote.objects.get(pk=response.context["form"]["quote"].value()).shown
    return [(line["quantity"], line["amount"], line["period_start"], line["period_end"]) for line in preview["lines"]]


def done_lines(subscription: Subscription) -> list[tuple]:
    """What was written after the first charge, once nothing is held any more."""
    written = Charge.objects.filter(subscription=subscription).order_by("sequence")[1:]
    return [(one.quantity, str(one.amount), str(one.period_start), str(one.period_end)) for one in written]


def let_go(clock, subscription: Subscription) -> None:
    """Let the time for undoing pass."""
    at = Operation.objects.get(subscription=subscription).held_until + timedelta(seconds=1)
    clock.move_to(at)
    release_due(SYSTEM, at=at)
    deliver_due(at)


# On the terms alone: one press


def test_inside_the_window_the_form_opens_with_the_credit_and_gives_exactly_that(admin, clock):
    subscription = active(quantity=7)

    shown = look(admin, subscription)
    done = confirm(admin, subscription, shown, reason="Bought twice")
    let_go(clock, subscription)

    words = text_of(shown)
    assert shown.status_code == 200
    assert "Until 26 Nov 2026, 12:00 UTC everything charged is refunded." in words
    assert "Credited today −€70.56" in words
    assert "Takes effect 23 Nov 2026" in words
    assert button(shown) == "Cancel, credit €70.56"
    assert (done.status_code, done.headers["Location"]) == (
        302,
        reverse("subscriptions:detail", args=[subscription.pk]),
    )
    assert len(shown_lines(shown)) == 1
    assert done_lines(subscription) == shown_lines(shown)
    after = Subscription.objects.get(pk=subscription.pk)
    assert (after.status, after.end_reason) == ("unsubscribed", "cancelled")
    assert Event.objects.get(name="subscription.cancelled").reason == "Bought twice"
    assert Operation.objects.get().quote_id == Quote.objects.get().pk


def test_until_the_time_for_undoing_is_over_nothing_is_cancelled(admin):
    subscription = active()

    confirm(admin, subscription, look(admin, subscription), reason="Bought twice")
    page = text_of(admin.get(reverse("subscriptions:detail", args=[subscription.pk])))

    assert Subscription.objects.get().status == "subscribed"
    assert "The cancellation takes effect in a moment: until then you can undo it." in page
    assert "Nothing has been sent yet" in page


def test_a_cancellation_that_is_not_held_is_done_at_once(admin):
    Policy.objects.filter(name="undo_within").update(value="PT0S")
    subscription = active(nickname="Biuro Kraków")

    done = confirm(admin, subscription, look(admin, subscription), reason="Bought twice")
    page = text_of(admin.get(done.headers["Location"]))

    assert Subscription.objects.get().status == "unsubscribed"
    assert "“Biuro Kraków” is cancelled." in page


def test_in_a_dialog_it_is_the_same_form_and_leads_back_to_the_page(admin):
    subscription = active()

    shown = admin.get(url(subscription), headers=IN_DIALOG)
    hidden = {name: shown.context["form"][name].value() for name in ("version", "quote")}
    done = admin.post(url(subscription), hidden | {"reason": "Bought twice"}, headers=IN_DIALOG)

    page = shown.content.decode()
    assert "<html" not in page
    assert '<h2 id="hub-dialog-title" tabindex="-1" autofocus>Cancel the subscription</h2>' in page
    assert f'hx-post="{url(subscription)}"' in page
    assert done.status_code == 204
    assert done.headers["HX-Redirect"] == reverse("subscriptions:detail", args=[subscription.pk])


def test_what_was_scheduled_goes_and_no_renewal_is_promised(admin):
    subscription = active(quantity=7)
    schedule_renewal(actor(Role.ADMIN_AGENT), subscription.pk, quantity=9, version=None, at=NOON)

    words = text_of(look(admin, subscription))

    assert "What is scheduled goes: 9 licences." in words
    assert "as it is" not in words
    assert "Renews on" not in words


def test_before_activation_it_is_free(admin, clock):
    subscription = buy()

    shown = look(admin, subscription)
    done = confirm(admin, subscription, shown, reason="Bought twice")
    let_go(clock, subscription)

    assert "It has not been activated: nothing was charged, and nothing ever will be." in text_of(shown)
    assert "Nothing is charged or credited today." in text_of(shown)
    assert button(shown) == "Cancel, nothing was charged"
    assert (done.status_code, Subscription.objects.get().status, Charge.objects.count()) == (302, "unsubscribed", 0)


def test_in_a_trial_it_is_free_too(clock):
    subscription = active(term=PlanTermFactory(plan=PlanFactory(trial_days=30)))
    clock.move_to(LATE)
    admin = signed_in(Role.ADMIN_AGENT)

    shown = look(admin, subscription)
    done = confirm(admin, subscription, shown, reason="Not for us")
    let_go(clock, subscription)

    assert "until 23 Dec 2026, 00:00 UTC cancelling costs nothing" in text_of(shown)
    assert button(shown) == "Cancel, nothing was charged"
    assert (done.status_code, Subscription.objects.get().status) == (302, "unsubscribed")
    assert sum(Charge.objects.values_list("amount", flat=True)) == 0


def test_looking_leaves_nothing_behind_but_a_quote(admin):
    subscription = active()
    before = state(subscription)

    look(admin, subscription)

    assert state(subscription) == before
    assert Quote.objects.count() == 1


def test_in_polish_it_reads_as_polish(admin):
    subscription = active(quantity=7)

    shown = admin.get(url(subscription), headers={"Accept-Language": "pl"})

    assert button(shown) == "Anuluj, uznanie 70,56\u00a0€"
    assert "Do 26.11.2026, 12:00 UTC" in text_of(shown)


# What has to be said first


def test_a_reason_is_wanted_and_the_price_stays(admin):
    subscription = active(quantity=7)
    before = state(subscription)

    refusal = confirm(admin, subscription, look(admin, subscription), reason=" ")

    assert refusal.status_code == 422
    assert "Say why: it goes on record." in text_of(refusal)
    assert button(refusal) == "Cancel, credit €70.56"
    assert state(subscription) == before
    assert confirm(admin, subscription, refusal, reason="Bought twice").status_code == 302


@pytest.mark.parametrize("make", [buy, active])
def test_each_step_of_the_publisher_is_ticked_first(admin, clock, make):
    subscription = make()
    policy("cancel_steps", "\n".join(STEPS), subscription.plan)
    before = state(subscription)

    shown = look(admin, subscription)
    refusal = confirm(admin, subscription, shown, reason="Bought twice", step_1="on")
    assert state(subscription) == before
    done = confirm(admin, subscription, refusal, reason="Bought twice", step_1="on", step_2="on")
    let_go(clock, subscription)

    assert f"Steps that {subscription.publisher.name} asks for first" in text_of(shown)
    assert all(step in text_of(shown) for step in STEPS)
    assert "Do this step first, then tick it." in text_of(refusal)
    assert button(refusal) == button(shown)
    sent_back = re.sub(r' (required|class="[^"]*")', "", refusal.content.decode())
    assert 'name="step_1" id="id_step_1" checked' in sent_back
    assert "Bought twice</textarea>" in sent_back
    assert (refusal.status_code, done.status_code, Subscription.objects.get().status) == (422, 302, "unsubscribed")
    assert Event.objects.get(name="subscription.cancelled").data["steps"] == STEPS


def test_a_step_that_came_up_meanwhile_is_asked_for(admin):
    subscription = active()
    shown = look(admin, subscription)
    policy("cancel_steps", STEPS[0], subscription.plan)
    before = state(subscription)

    refusal = confirm(admin, subscription, shown, reason="Bought twice")

    assert refusal.status_code == 422
    assert STEPS[0] in text_of(refusal)
    assert state(subscription) == before
    assert confirm(admin, subscription, refusal, reason="Bought twice", step_1="on").status_code == 302


@pytest.mark.parametrize(("agreed", "words"), [("full", "Cancel, credit €70.56"), ("none", "Cancel without refund")])
def test_what_the_publisher_agreed_to_is_asked_first_then_priced(clock, agreed, words):
    subscription = by_agreement(clock, quantity=7)
    admin = signed_in(Role.ADMIN_AGENT)
    before = state(subscription)

    shown = look(admin, subscription)
    refusal = confirm(admin, subscription, shown, agreed_refund=agreed)
    priced = confirm(admin, subscription, refusal, agreement="Ticket 4711", agreed_refund=agreed)
    assert state(subscription) == before
    told = {"agreement": "Ticket 4711", "agreed_refund": agreed}
    done = confirm(admin, subscription, priced, reason="Moved away", **told)
    let_go(clock, subscription)

    assert f"It is cancelled when {subscription.publisher.name} agrees" in text_of(shown)
    assert [button(shown), button(refusal), button(priced)] == ["", "", words]
    assert [shown.status_code, refusal.status_code, priced.status_code, done.status_code] == [200, 422, 200, 302]
    assert f'value="{agreed}" required id="id_agreed_refund_{"01"[agreed == "full"]}" checked' in re.sub(
        r' class="[^"]*"', "", refusal.content.decode()
    )
    assert Subscription.objects.get().status == "unsubscribed"
    data = Event.objects.get(name="subscription.cancelled").data
    assert (data["agreement"], data["refund"]) == ("Ticket 4711", agreed)
    assert done_lines(subscription) == shown_lines(priced)
    assert len(shown_lines(priced)) == {"full": 1, "none": 0}[agreed]


def test_with_an_agreement_a_reason_is_wanted_too(clock):
    subscription = by_agreement(clock)
    admin = signed_in(Role.ADMIN_AGENT)
    told = {"agreement": "Ticket 4711", "agreed_refund": "none"}
    priced = confirm(admin, subscription, look(admin, subscription), **told)
    before = state(subscription)

    refusal = confirm(admin, subscription, priced, reason="", **told)

    assert (refusal.status_code, button(refusal)) == (422, "Cancel without refund")
    assert "Say why: it goes on record." in text_of(refusal)
    assert 'name="agreement" value="Ticket 4711"' in refusal.content.decode()
    assert state(subscription) == before


def test_another_refund_than_the_one_that_was_priced_is_priced_first(clock):
    subscription = by_agreement(clock)
    admin = signed_in(Role.ADMIN_AGENT)
    told = {"agreement": "Ticket 4711", "agreed_refund": "none", "reason": "Moved away"}
    priced = confirm(admin, subscription, look(admin, subscription), **told)
    before = state(subscription)

    answer = confirm(admin, subscription, priced, **told | {"agreed_refund": "full"})

    assert (answer.status_code, button(answer)) == (404, "Cancel, credit €70.56")
    assert state(subscription) == before


# What was shown is what is done


def test_when_something_moved_nothing_is_done_and_old_and_new_are_shown(admin):
    subscription = active(quantity=7)
    shown = look(admin, subscription)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=8, version=None, at=NOON)
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)
    deliver_due(NOON)
    before = state(subscription)

    answer = confirm(admin, subscription, shown, reason="Bought twice")

    assert (answer.status_code, button(answer)) == (409, "Cancel, credit €80.64")
    assert "Something moved since you looked. Nothing was changed." in text_of(answer)
    assert "Today −€70.56 −€80.64" in text_of(answer)
    assert "Bought twice</textarea>" in answer.content.decode()
    assert state(subscription) == before
    assert confirm(admin, subscription, answer, reason="Bought twice").status_code == 302


def test_a_quote_that_ran_out_is_made_anew(admin, clock):
    subscription = active()
    shown = look(admin, subscription)
    clock.move_to(NOON + timedelta(minutes=15))
    before = state(subscription)

    answer = confirm(admin, subscription, shown, reason="Bought twice")

    assert answer.status_code == 422
    assert "The quote was good until 23 Nov 2026, 12:15 UTC." in text_of(answer)
    assert state(subscription) == before
    assert confirm(admin, subscription, answer, reason="Bought twice").status_code == 302


def test_without_a_quote_it_is_shown_and_not_done(admin):
    subscription = active(quantity=7)
    before = state(subscription)

    answer = admin.post(url(subscription), {"version": subscription.version, "reason": "Bought twice"})

    assert (answer.status_code, button(answer)) == (200, "Cancel, credit €70.56")
    assert state(subscription) == before


def test_when_the_window_closes_over_the_open_form_nothing_is_done(clock):
    subscription = active()
    clock.move_to(NOON + timedelta(hours=71, minutes=59))
    admin = signed_in(Role.ADMIN_AGENT)
    shown = look(admin, subscription)
    clock.move_to(NOON + timedelta(hours=72))
    before = state(subscription)

    answer = confirm(admin, subscription, shown, reason="Bought twice")

    assert (answer.status_code, button(answer)) == (422, "")
    assert "Turn auto-renew off: it then ends on 22 Dec 2026." in text_of(answer)
    assert state(subscription) == before


def test_pressed_twice_it_is_done_once(admin):
    subscription = active()
    shown = look(admin, subscription)
    confirm(admin, subscription, shown, reason="Bought twice")
    before = state(subscription)

    answer = confirm(admin, subscription, shown, reason="Bought twice")

    assert answer.status_code == 409
    assert "The quote was already used on 23 Nov 2026, 12:00 UTC." in text_of(answer)
    assert "Bought twice</textarea>" in answer.content.decode()
    assert state(subscription) == before


# Why it cannot be done


@pytest.mark.parametrize(
    ("bought", "renewing", "words"),
    [
        ({}, True, "Turn auto-renew off: it then ends on 22 Dec 2026."),
        ({}, False, "Auto-renew is off: it ends on 22 Dec 2026."),
        (
            {"term": Term.P2Y},
            True,
            "A plan of 2 years with payments due is locked until its term ends. Turn auto-renew off: it then ends on "
            "22 Nov 2028.",
        ),
    ],
)
def test_after_the_window_it_says_what_to_do_instead(clock, bought, renewing, words):
    subscription = active(term=PlanTermFactory(**bought), auto_renew=renewing)
    clock.move_to(LATE)
    admin = signed_in(Role.ADMIN_AGENT)

    shown = look(admin, subscription)

    assert f"The cancellation window closed on 26 Nov 2026, 12:00 UTC. {words}" in text_of(shown)
    assert "<textarea" not in shown.content.decode()
    assert Quote.objects.count() == 0


def test_while_another_change_is_under_way_it_says_which(admin):
    subscription = active()
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=8, version=None, at=NOON)

    shown = look(admin, subscription)
    in_polish = admin.get(url(subscription), headers={"Accept-Language": "pl"})

    assert 'data-code="operation_pending"' in shown.content.decode()
    assert "The change of 23 Nov 2026, 12:00 UTC (quantity change) is still under way." in text_of(shown)
    assert "Zmiana z 23.11.2026, 12:00 UTC (zmiana liczby licencji) jest jeszcze w toku." in text_of(in_polish)
    assert button(shown) == ""


def test_whoever_may_only_ask_is_led_to_asking(admin):
    subscription = active()

    led = look(signed_in(Role.SALES_AGENT), subscription)

    assert led.headers["Location"] == reverse("subscriptions:change", args=[subscription.pk, "cancel"])


def test_whoever_may_not_even_ask_reads_who_can(admin):
    subscription = active()
    before = state(subscription)
    ops = signed_in(Role.OPS_AGENT)

    shown = look(ops, subscription)
    forged = ops.post(url(subscription), {"version": subscription.version, "reason": "Because"})

    assert 'data-code="not_permitted"' in shown.content.decode()
    assert "Who can: Admin agent" in text_of(shown)
    assert button(shown) == ""
    assert forged.status_code == 403
    assert state(subscription) == before
    assert Quote.objects.count() == 0


def test_a_refusal_that_comes_while_it_opens_is_told_as_any_other(admin, clock):
    subscription = active()
    clock.move_to(NOON - timedelta(hours=1))

    shown = look(admin, subscription)

    assert 'data-code="clock_behind"' in shown.content.decode()
    assert button(shown) == ""
