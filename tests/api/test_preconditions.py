"""Stale etags: 400 / 2055 in the dialect; 412 as application/problem+json on our own resources, for who reads that."""

import pytest

from partnerhub.api.etag import etag_of
from subscriptions.models import ChangeRequest, Quote
from tests.api.conftest import path_of, refused
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


def stale(subscription) -> str:
    return f'"{etag_of(subscription.pk, subscription.version - 1)}"'


def fresh(subscription) -> str:
    return f'"{etag_of(subscription.pk, subscription.version)}"'


BODIES = {"preview": {"quantity": 9}, "changerequests": {"quantity": 9, "reason": "More people"}}


@pytest.mark.parametrize("resource", BODIES)
def test_our_own_resources_check_the_etag(sales, resource):
    subscription = active()
    path, body = path_of(subscription, resource), BODIES[resource]

    refused(sales.send("post", path, body, If_Match=stale(subscription)), 400, 2055)
    told = sales.send("post", path, body, If_Match=stale(subscription), Accept=f"{PROBLEM}, application/json;q=0.5")

    assert (told.status_code, told["Content-Type"]) == (412, PROBLEM)
    assert told.json() == {
        "type": "urn:partnerhub:refusal:stale_version",
        "title": "Stale version",
        "status": 412,
        "detail": told.json()["detail"],
        "code": 2055,
    }
    assert (ChangeRequest.objects.count(), Quote.objects.count()) == (0, 0)
    assert sales.send("post", path, body, If_Match=fresh(subscription)).status_code in (200, 201)


def test_every_refusal_of_our_own_resources_is_a_problem_to_who_reads_that(sales):
    subscription = active()
    told = sales.send("post", path_of(subscription, "preview"), {"quantity": 0}, Accept=PROBLEM)

    assert (told.status_code, told["Content-Type"], told.json()["status"], told.json()["code"]) == (
        *(400, PROBLEM),
        *(400, 2002),
    )


def test_the_dialect_stays_itself_whatever_is_asked(admin):
    subscription = active()
    headers = {"If_Match": stale(subscription), "Accept": PROBLEM}
    answer = admin.send("patch", path_of(subscription), {"friendlyName": "X"}, **headers)

    refused(answer, 400, 2055)
    assert answer["Content-Type"] == "application/json"
    subscription.refresh_from_db()
    assert subscription.nickname != "X"


def test_a_decision_may_rest_on_the_subscription_as_it_was_seen(admin, sales):
    subscription = active()
    asked = sales.send("post", path_of(subscription, "changerequests"), BODIES["changerequests"]).json()
    path = path_of(subscription, "changerequests", asked["id"], "decline")

    refused(admin.send("post", path, {"reason": "No"}, If_Match=stale(subscription)), 400, 2055)
    assert ChangeRequest.objects.get().status == "open"
    assert admin.send("post", path, {"reason": "No"}, If_Match=fresh(subscription)).json()["status"] == "declined"
