"""The audit: a sentence for everything that happens, refused attempts beside it, filters, the file, and notes."""

import csv
import html
import io
import re
from datetime import timedelta
from importlib import import_module
from uuid import uuid4

import pytest
import time_machine
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.module_loading import module_has_submodule

from accounts.policy import SYSTEM, Role
from partnerhub.outbox.models import Entry, Event, Refusal
from partnerhub.outbox.recorder import Fact, record
from subscriptions.activity import ACTS, FAMILIES
from subscriptions.models import Subscription
from subscriptions.views.telling import TOLD
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db

HUB = ("partnerhub.", "accounts.", "customers.", "publishers.", "subscriptions.", "billing.")


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        yield


def signed_in(*roles: Role, name: str = "Ada Agent") -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=roles[0], roles=list(roles), name=name))
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def entries_in(response) -> list[str]:
    """The sentences of a page's timeline."""
    listed = response.content.decode().partition('<ol class="timeline">')[2].partition("</ol>")[0]
    found = re.findall(r"<li[^>]*>.*?<p>(.*?)</p>", listed, re.DOTALL)
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", one))).strip() for one in found]


def activity(client: Client, **filters) -> list[str]:
    response = client.get(reverse("activity:list"), filters)
    assert response.status_code == 200
    return [one.partition(" · ")[2] or one for one in entries_in(response)]


def refuse(subscription, *, by: Client | None = None) -> None:
    answer = (by or signed_in(Role.SALES_AGENT, name="Sam Seller")).post(
        reverse("subscriptions:rename", args=[subscription.pk]), {"nickname": "Mine", "version": subscription.version}
    )
    assert answer.status_code == 403


def facts() -> list[type[Fact]]:
    """Every kind of event that the hub records."""
    import_module("partnerhub.urls")
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "events"):
            import_module(f"{app.name}.events")
    kinds = [Fact]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return [kind for kind in kinds if "name" in vars(kind) and kind.__module__.startswith(HUB)]


REFUSED = "Nickname change was refused: The role Sales agent may not do this (subscription.rename). Ask: Admin agent."


# Sentences


def test_every_event_has_a_sentence_and_every_sentence_an_event():
    assert sorted(TOLD) == sorted({kind.name for kind in facts()})


def test_every_event_is_in_one_family():
    def families(name):
        return [
            code
            for code, (_label, names) in FAMILIES.items()
            if any(name.startswith(one) if one.endswith(".") else name == one for one in names)
        ]

    assert {name: families(name) for name in TOLD if len(families(name)) != 1} == {}
    assert {family for family, _words in ACTS.values()} <= set(FAMILIES)


def test_an_event_of_another_version_is_told_by_its_name():
    class Later(Fact):
        name = "subscription.blessed"
        stream_type = "subscription"

    subscription = active()
    with transaction.atomic():
        record(Later(subscription.pk), actor=SYSTEM, at=NOON)

    page = signed_in(Role.OPS_AGENT).get(reverse("subscriptions:detail", args=[subscription.pk]))

    assert entries_in(page)[0] == "subscription.blessed"


# The subscription's timeline


def test_a_refused_attempt_stands_on_the_timeline_with_what_was_asked_for():
    subscription = active()
    refuse(subscription)

    page = signed_in(Role.ADMIN_AGENT).get(reverse("subscriptions:detail", args=[subscription.pk]))

    assert entries_in(page)[0] == REFUSED
    for words in ("Sam Seller (Sales agent)", "Asked for: nickname", "Mine", "not_permitted"):
        assert words in text_of(page)


def test_before_and_after_and_the_request_are_told():
    subscription = active()
    client = signed_in(Role.ADMIN_AGENT)
    client.post(
        reverse("subscriptions:rename", args=[subscription.pk]),
        {"nickname": "Office", "version": subscription.version},
        headers={"X-Request-ID": "request-7"},
    )

    page = text_of(client.get(reverse("subscriptions:detail", args=[subscription.pk])))

    assert f"Nickname before: {subscription.nickname} after: Office Request id request-7" in page


# Notes


@pytest.mark.parametrize("role", [Role.ADMIN_AGENT, Role.OPS_AGENT, Role.SALES_AGENT])
def test_a_note_stands_on_the_timeline_and_changes_nothing(role):
    subscription = buy()
    client = signed_in(role)
    before = Subscription.objects.filter(pk=subscription.pk).values().get()

    answer = client.post(reverse("subscriptions:note", args=[subscription.pk]), {"text": " Called them.\r\nNo <b>. "})

    assert (answer.status_code, Subscription.objects.filter(pk=subscription.pk).values().get()) == (302, before)
    noted = Event.objects.get(stream_id=subscription.pk, name="subscription.noted")
    assert (noted.data, noted.actor_label, noted.actor_role) == ({"text": "Called them.\nNo <b>."}, "Ada Agent", role)
    page = client.get(reverse("subscriptions:detail", args=[subscription.pk])).content.decode()
    assert "Called them.<br>No &lt;b&gt;." in page


def test_a_platform_admin_writes_no_notes_and_is_told_who_does():
    subscription = active()
    client = signed_in(Role.PLATFORM_ADMIN)

    answer = client.post(reverse("subscriptions:note", args=[subscription.pk]), {"text": "Hello"})
    page = text_of(client.get(reverse("subscriptions:detail", args=[subscription.pk])))

    assert answer.status_code == 403
    assert not Event.objects.filter(name="subscription.noted").exists()
    assert Refusal.objects.get().tried == "POST subscriptions/note"
    assert "Add a note The role Platform admin may not do this." in page
    assert "Who can: Admin agent, Sales agent, Operations agent" in page


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\0b"])
def test_a_note_that_is_none_is_shown_again(text):
    subscription = active()

    answer = signed_in(Role.OPS_AGENT).post(reverse("subscriptions:note", args=[subscription.pk]), {"text": text})

    assert answer.status_code == 422
    assert not Event.objects.filter(name="subscription.noted").exists()


# The activity page


def test_the_activity_tells_everything_newest_first_with_what_it_is_about():
    subscription = active(nickname="Office")
    refuse(subscription)

    told = entries_in(signed_in(Role.OPS_AGENT).get(reverse("activity:list")))

    assert told[0] == f"Office · {REFUSED}"
    assert f"{subscription.customer.name} · Started a cart." in told
    assert len(told) == Entry.objects.count()


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"who": "sam"}, 1),
        ({"role": "sales_agent", "refused": "on"}, 1),
        ({"kind": "system", "what": "activation"}, 3),
        ({"what": "change"}, 1),
        ({"what": "note"}, 0),
        ({"refused": "on"}, 1),
        ({"since": "2026-11-24"}, 0),
        ({"until": "2026-11-22"}, 0),
        ({"since": "2026-11-23", "until": "2026-11-23", "refused": "on"}, 1),
        ({"request_id": "no such request"}, 0),
        ({"customer": "no such customer"}, 0),
        ({"subscription": "Office", "refused": "on"}, 1),
        ({"since": "not a day", "refused": "on"}, 1),
        ({"role": "nobody", "refused": "on"}, 1),
    ],
)
def test_the_activity_is_filtered_by_the_url(filters, count):
    refuse(active(nickname="Office"))

    assert len(activity(signed_in(Role.ADMIN_AGENT), **filters)) == count


def test_the_activity_is_narrowed_to_a_subscription_a_customer_and_a_request():
    mine, other = active(nickname="Mine"), active(nickname="Other")
    client = signed_in(Role.ADMIN_AGENT)
    client.post(
        reverse("subscriptions:rename", args=[mine.pk]),
        {"nickname": "Office", "version": mine.version},
        headers={"X-Request-ID": "request-9"},
    )

    assert len(activity(client, subscription=str(mine.pk))) == Event.objects.filter(stream_id=mine.pk).count()
    assert activity(client, request_id="request-9") == ["Changed the nickname."]
    around = activity(client, customer=str(other.customer_id))
    tab = entries_in(client.get(reverse("customers:activity", args=[other.customer_id])))
    assert len(around) == len(tab) == Event.objects.filter(stream_id=other.pk).count() + 2


def test_the_activity_is_paged_without_losing_an_entry():
    subscription = active()
    with transaction.atomic():
        for number in range(120):
            at = NOON + timedelta(seconds=number % 7)
            record(_Noted(subscription.pk, {"text": str(number)}), actor=SYSTEM, at=at)
    client, seen, address = signed_in(Role.OPS_AGENT), [], reverse("activity:list") + "?what=note"

    while address:
        page = client.get(address)
        seen += re.findall(r'<blockquote class="note">(\d+)<', page.content.decode())
        following = page.context["next_url"]
        address = reverse("activity:list") + following if following else ""

    assert sorted(map(int, seen)) == list(range(120))


class _Noted(Fact):
    name = "subscription.noted"
    stream_type = "subscription"


def test_the_activity_asks_the_database_as_often_for_more_entries():
    client = signed_in(Role.OPS_AGENT)
    refuse(active())
    client.get(reverse("activity:list"))
    once = _queries(client)
    for _ in range(2):
        refuse(active(customer=CustomerFactory()))

    assert _queries(client) == once


def _queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(reverse("activity:list")).status_code == 200
    return len(captured)


def test_the_activity_wants_a_signed_in_agent():
    for page in ("activity:list", "activity:export"):
        assert Client().get(reverse(page)).status_code == 302


def test_the_file_holds_what_the_filter_leaves_and_no_formula():
    subscription = active(nickname="=1+1")
    refuse(subscription, by=signed_in(Role.SALES_AGENT, name="@Sam"))

    response = signed_in(Role.OPS_AGENT).get(reverse("activity:export"), {"refused": "on"})
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))

    assert response.headers["Content-Disposition"] == 'attachment; filename="activity.csv"'
    refusal = Refusal.objects.get()
    assert rows == [
        {
            "Time (UTC)": "2026-11-23T13:00:00Z",
            "Who": "'@Sam",
            "Kind": "user",
            "Role": "Sales agent",
            "What": "POST subscriptions/nickname",
            "About": "'=1+1",
            "Sentence": REFUSED,
            "Reason": "",
            "Before and after": f"nickname: Mine; version: {subscription.version}",
            "Refused with": "not_permitted",
            "Request id": refusal.request_id,
            "Correlation id": refusal.correlation_id,
            "Stream": "subscription",
            "Stream id": str(subscription.pk),
            "Entry id": str(refusal.pk),
        }
    ]


def test_the_file_speaks_the_readers_language():
    active()
    client = signed_in(Role.OPS_AGENT)

    response = client.get(reverse("activity:export"), headers={"Accept-Language": "pl"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")

    assert text.startswith("Czas (UTC),Kto,")
    assert "Rozpoczęto koszyk" in text or "koszyk" in text


def test_an_entry_about_nothing_known_is_shown_by_itself():
    with transaction.atomic():
        record(_Noted(uuid4(), {"text": "Of a subscription that is not here"}), actor=SYSTEM, at=NOON)

    assert entries_in(signed_in(Role.OPS_AGENT).get(reverse("activity:list"))) == ["Left a note."]
