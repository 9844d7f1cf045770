"""Saved views: kept by name, opened by address, shared by choice, changed by their owner alone."""

import pytest
import time_machine
from django.test import Client

from accounts.models import DefaultView, SavedView, User
from accounts.policy import Role
from partnerhub.outbox.models import Event
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
LIST = "/subscriptions/"
KEPT = "status=subscribed&sort=nickname&columns=plan,quantity"


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


def person(role: Role = Role.SALES_AGENT) -> tuple[Client, User]:
    user, client = UserFactory(active_role=role), Client()
    client.force_login(user)
    return client, user


def save(client: Client, name: str = "Running", query: str = KEPT, page: str = "subscriptions", **more: str):
    given = {"page": page, "name": name, "query": query, "next": LIST} | more
    return client.post("/accounts/views/", given)


def kept() -> list[tuple[str, str, bool]]:
    return list(SavedView.objects.order_by("name", "created_at").values_list("name", "query", "shared"))


def events() -> list[str]:
    return list(
        Event.objects.filter(stream_type="saved_view").order_by("at", "sequence").values_list("name", flat=True)
    )


def told(client: Client, response) -> str:
    """The message that the page shows after an act."""
    return " ".join(str(message) for message in client.get(response["Location"], follow=True).context["messages"])


def test_a_list_is_kept_and_opened_by_its_view():
    client, _ = person()
    buy(nickname="Waiting"), active(nickname="Active one")

    response = save(client)
    view = SavedView.objects.get()
    page = client.get(f"{LIST}?view={view.pk}", follow=True)

    assert response["Location"] == f"{LIST}?status=subscribed&sort=nickname&columns=plan%2Cquantity&view={view.pk}"
    assert page.redirect_chain == [(f"{LIST}?{KEPT}&view={view.pk}", 302)]
    assert [row.nickname for row in page.context["rows"]] == ["Active one"]
    assert [header["label"] for header in page.context["headers"]] == ["Plan", "Quantity"]
    assert (page.context["views"]["current"], page.context["views"]["is_changed"]) == (view, False)
    assert events() == ["saved_view.added"]


def test_a_changed_list_says_so_and_can_be_kept_in_its_view():
    client, _ = person()
    save(client)
    view = SavedView.objects.get()

    page = client.get(f"{LIST}?status=suspended&view={view.pk}")
    client.post(f"/accounts/views/{view.pk}/", {"part": "query", "query": "status=suspended", "next": LIST})

    assert page.context["views"]["is_changed"] is True
    assert kept() == [("Running", "status=suspended", False)]
    assert events() == ["saved_view.added", "saved_view.changed"]


def test_an_own_view_is_private_until_it_is_shared():
    owner, _ = person()
    other, _ = person()
    save(owner)
    view = SavedView.objects.get()

    before = other.get(f"{LIST}?view={view.pk}")
    message = told(other, before)
    hidden = other.get(LIST).context["views"]["shared"]
    owner.post(f"/accounts/views/{view.pk}/", {"part": "name", "name": "For all", "shared": "on", "next": LIST})
    after = other.get(f"{LIST}?view={view.pk}", follow=True)

    assert (before["Location"], hidden) == (f"{LIST}?view=all", [])
    assert "no longer exists or is no longer shared" in message
    assert [link["name"] for link in after.context["views"]["shared"]] == ["For all"]
    assert after.context["views"]["is_own"] is False


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("", {"part": "name", "name": "Mine now", "next": LIST}),
        ("", {"part": "query", "query": "q=x", "next": LIST}),
        ("delete/", {"next": LIST}),
    ],
)
def test_nobody_without_the_right_changes_or_deletes_the_view_of_another(path, given):
    owner, _ = person()
    other, _ = person(Role.OPS_AGENT)
    save(owner, shared="on")
    view = SavedView.objects.get()

    response = other.post(f"/accounts/views/{view.pk}/{path}", given)

    assert response.status_code == 302
    assert kept() == [("Running", KEPT, True)]
    assert events() == ["saved_view.added"]


@pytest.mark.parametrize("role", [Role.ADMIN_AGENT, Role.PLATFORM_ADMIN])
def test_who_manages_views_deletes_shared_ones_of_others_but_never_sees_private_ones(role):
    owner, _ = person()
    manager, _ = person(role)
    save(owner, shared="on")
    save(owner, name="Private")
    shared, private = SavedView.objects.get(name="Running"), SavedView.objects.get(name="Private")

    for view in (shared, private):
        manager.post(f"/accounts/views/{view.pk}/delete/", {"next": LIST})

    assert kept() == [("Private", KEPT, False)]
    assert events().count("saved_view.deleted") == 1


def test_a_name_is_used_once_a_person_and_page():
    client, _ = person()
    save(client)

    again = save(client, query="q=other")
    save(client, page="marketplace")
    save(person()[0])

    assert "You already have a saved view called Running." in told(client, again)
    assert kept() == [("Running", KEPT, False)] * 3


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two\nlines"])
def test_a_view_needs_a_name(name):
    client, _ = person()

    save(client, name=name)

    assert (kept(), events()) == ([], [])


def test_a_list_opens_with_the_chosen_view_and_everything_stays_in_reach():
    client, user = person()
    save(client, opens="on")
    view = SavedView.objects.get()

    bare, everything = client.get(LIST), client.get(f"{LIST}?view=all")
    another = person()[0].get(LIST)
    client.post("/accounts/views/default/", {"page": "subscriptions", "view": "", "next": LIST, "query": "view=all"})

    assert bare["Location"] == f"{LIST}?{KEPT}&view={view.pk}"
    assert [everything.status_code, another.status_code, client.get(LIST).status_code] == [200, 200, 200]
    assert DefaultView.objects.filter(user=user).count() == 0


def test_a_view_without_filters_opens_too():
    client, _ = person()
    save(client, query="", opens="on")
    view = SavedView.objects.get()

    response = client.get(LIST, follow=True)

    assert response.redirect_chain == [(f"{LIST}?view={view.pk}", 302)]
    assert response.context["views"]["current"] == view


def test_a_shared_view_that_is_taken_back_opens_no_list_any_more():
    owner, _ = person()
    other, _ = person()
    save(owner, shared="on")
    view = SavedView.objects.get()
    other.post("/accounts/views/default/", {"page": "subscriptions", "view": str(view.pk), "next": LIST})
    assert other.get(LIST).status_code == 302

    owner.post(f"/accounts/views/{view.pk}/", {"part": "name", "name": "Running", "next": LIST})

    assert other.get(LIST).status_code == 200


@pytest.mark.parametrize("asked", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_a_view_that_is_not_there_is_said_to_be_gone(asked):
    client, _ = person()

    assert client.get(f"{LIST}?view={asked}")["Location"] == f"{LIST}?view=all"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_nobody_is_led_elsewhere(target):
    client, _ = person()

    assert save(client, next=target)["Location"].startswith("/?")


def test_the_tab_of_a_customer_has_views_of_its_own():
    client, _ = person()
    tab = f"/customers/{buy().customer_id}/"
    save(client, page="marketplace", query="status=subscribed", next=tab)
    view = SavedView.objects.get()

    page = client.get(f"{tab}?view={view.pk}", follow=True)

    assert page.redirect_chain == [(f"{tab}?status=subscribed&view={view.pk}", 302)]
    assert client.get(LIST).context["views"]["own"] == []
