"""The pages of publishers through Django's own HTTP stack: who sees what, and what a form does or leaves alone."""

import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Client as Program
from accounts.policy import OPERATOR, Role
from accounts.services.clients import SECRET_LIVES, add_secret, verify_secret
from partnerhub.outbox.models import Event, Refusal
from publishers.calls import WEEK
from publishers.fulfillment.gateway import Outcome
from publishers.models import CallKind, Circuit, Publisher
from publishers.services.register import register_publisher
from publishers.services.tallies import Call, tally
from publishers.services.writing import document_of
from tests.factories.publishers import PublisherFactory
from tests.factories.subscriptions import NOON, buy
from tests.publishers.conftest import signed_in, text_of
from tests.publishers.test_register import DOCUMENT

pytestmark = pytest.mark.django_db
AGENTS = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN)
SHOWN_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def _world(settings, time_machine):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def publisher():
    return register_publisher(OPERATOR, DOCUMENT, at=NOON - timedelta(days=1)).publisher


@pytest.fixture
def platform():
    return signed_in(Role.PLATFORM_ADMIN)


def page(name, publisher):
    return reverse(f"publisher-{name}", args=[publisher.pk])


def shown(client, url):
    """The values of the form on a page, as a browser would send them."""
    form = client.get(url).context["form"]
    return {field.html_name: "" if field.value() is None else field.value() for field in form if field.name != "file"}


def whole(publisher):
    return document_of(Publisher.objects.get(pk=publisher.pk)), Event.objects.count()


class TestWhoMay:
    @pytest.mark.parametrize("role", AGENTS)
    def test_every_agent_reads_and_the_platform_admin_alone_changes(self, publisher, role):
        client, before = signed_in(role), whole(publisher)
        forms = [
            reverse("publisher-new"),
            reverse("publisher-keys"),
            page("edit", publisher),
            page("document", publisher),
        ]
        acts = [page("secret", publisher), page("edit", publisher), page("catalogue", publisher)]
        expected = 200 if role == Role.PLATFORM_ADMIN else 403

        reads = [reverse("publishers"), page("health", publisher), page("settings", publisher)]
        assert [client.get(url).status_code for url in reads] == [200, 200, 200]
        assert [client.get(url).status_code for url in forms] == [expected] * 4
        if role != Role.PLATFORM_ADMIN:
            assert [client.post(url).status_code for url in [*acts, page("test", publisher)]] == [403] * 4
            assert whole(publisher) == before

    def test_a_key_in_the_address_of_a_webhook_is_for_those_who_manage(self, publisher):
        register_publisher(OPERATOR, DOCUMENT | {"webhook_url": "https://prompt.example/hook?key=sesame"}, at=NOON)

        assert "sesame" not in text_of(signed_in(Role.ADMIN_AGENT).get(page("settings", publisher)))
        assert "sesame" not in json.dumps([event.data for event in Event.objects.all()])

    def test_who_may_not_is_told_who_can(self, publisher):
        told = text_of(signed_in(Role.ADMIN_AGENT).get(page("settings", publisher)))

        assert "Make a new secret The role Admin agent may not do this. Who can: Platform admin" in told


class TestHealth:
    def test_calls_of_an_hour_a_day_and_a_week(self, publisher, client):
        calls = [(Outcome.ANSWERED, 0.1), (Outcome.UNKNOWN_THERE, 0.2), (Outcome.SILENT, 10.0)]
        tally([Call(publisher.pk, CallKind.ASK, outcome, seconds) for outcome, seconds in calls], NOON)
        tally([Call(publisher.pk, CallKind.ASK, Outcome.ANSWERED, 0.1)], NOON - timedelta(hours=5))
        tally([Call(publisher.pk, CallKind.NOTICE, Outcome.FAILING, 2.0)], NOON - timedelta(days=6))
        tally([Call(publisher.pk, CallKind.ASK, Outcome.FAILING, 9.0)], NOON - WEEK - timedelta(hours=1))

        told = text_of(signed_in(Role.OPS_AGENT).get(page("health", publisher)))

        assert "Questions Last hour 3 67 % 3.4 s 10.0 s Questions Last 24 hours 4 75 % 2.6 s 10.0 s" in told
        assert "Questions Last 7 days 4 75 % 2.6 s 10.0 s Notices Last hour 0 – – –" in told
        assert "Notices Last 7 days 1 0 % 2.0 s 2.0 s" in told

    def test_the_page_looks_again_and_is_answered_only_when_something_changed(self, publisher):
        client = signed_in(Role.OPS_AGENT)
        etag = client.get(page("live", publisher)).context["etag"]

        assert client.get(page("live", publisher), headers={"if-none-match": f'"{etag}"'}).status_code == 304
        Publisher.objects.update(circuit=Circuit.OPEN, circuit_retry_at=NOON, last_failure="Out of order.")
        changed = client.get(page("live", publisher), headers={"if-none-match": f'"{etag}"'})

        assert (changed.status_code, "Left alone Out of order." in text_of(changed)) == (200, True)

    def test_an_open_circuit_is_tried_by_hand_and_a_closed_one_is_not(self, publisher):
        client = signed_in(Role.OPS_AGENT)
        Publisher.objects.update(circuit=Circuit.OPEN, circuit_retry_at=NOON + timedelta(minutes=5))

        assert client.post(page("try", publisher)).status_code == 302
        publisher.refresh_from_db()
        assert (publisher.circuit, publisher.circuit_retry_at) == (Circuit.OPEN, NOON)
        assert Event.objects.filter(name="publisher.try_requested").count() == 1

        Publisher.objects.update(circuit=Circuit.CLOSED, circuit_retry_at=None)
        told = text_of(client.post(page("try", publisher), follow=True))
        assert "Northwind Sign is asked as usual: there is nothing to try." in told
        assert signed_in(Role.SALES_AGENT).post(page("try", publisher)).status_code == 403
        assert Event.objects.filter(name="publisher.try_requested").count() == 1
        assert sorted(Refusal.objects.values_list("code", flat=True)) == ["not_permitted", "nothing_to_try"]

    def test_the_list_needs_as_many_queries_for_three_as_for_one(self, publisher, platform):
        def queries():
            with CaptureQueriesContext(connection) as captured:
                assert platform.get(reverse("publishers")).status_code == 200
            return len(captured)

        one = queries()
        PublisherFactory.create_batch(2)

        assert queries() == one

    def test_programs_read_the_same_figures(self, publisher, client):
        tally([Call(publisher.pk, CallKind.ASK, Outcome.ANSWERED, 0.25)], NOON)
        buy(term=publisher.offers.get().plans.get(plan_id="team").terms.get(term="P1M"), at=NOON)
        program = Program.objects.create(name="P", tenant_id=publisher.pk, role=Role.OPS_AGENT, created_at=NOON)
        form = {"grant_type": "client_credentials", "client_id": program.pk}
        form["client_secret"] = add_secret(program, NOON)
        token = client.post(f"/{program.tenant_id}/oauth2/token", form).json()["access_token"]

        health = client.get(
            f"/v1/publishers/{publisher.pk}/health", headers={"authorization": f"Bearer {token}"}
        ).json()

        figures = {"kind": "ask", "calls": 1, "succeeded": 1, "meanMilliseconds": 250, "slowestMilliseconds": 250}
        assert health["calls"] == [figures | {"period": period} for period in ("PT1H", "P1D", "P7D")]
        assert health["backlog"]["duePolls"] == 1
        assert (health["circuit"], health["activation"]) == ("closed", None)
        assert health["secretEndsAt"] == (NOON - timedelta(days=1) + SECRET_LIVES).strftime("%Y-%m-%dT%H:%M:%SZ")


class TestOnboarding:
    FORM = {
        "name": "Fabrikam",
        "adapter": "saas_v2_poll",
        "landing_url": "http://127.0.0.1:9/landing",
        "fulfillment_base_url": "http://127.0.0.1:9/api",
        "contact_email": "desk@fabrikam.example",
        "max_concurrency": "20",
        "max_per_second": "5",
    }

    def test_a_publisher_is_added_and_its_secret_is_on_that_page_alone(self, platform):
        answer = platform.post(reverse("publisher-new"), self.FORM)

        publisher = Publisher.objects.get()
        (secret,) = set(SHOWN_SECRET.findall(text_of(answer)))
        assert verify_secret(publisher.client, secret, NOON)
        assert (publisher.contact_email, publisher.max_per_second) == ("desk@fabrikam.example", 5)
        assert answer["Cache-Control"] == "no-store"
        assert secret not in text_of(platform.get(page("settings", publisher)))

    @pytest.mark.parametrize(
        ("field", "value", "told"),
        [
            ("name", "Northwind Sign", "There is a publisher Northwind Sign already."),
            ("landing_url", "ftp://fabrikam.example/", "it must begin with http:// or https://."),
            ("webhook_url", "http://user@fabrikam.example/", "it holds a user name or password."),
            ("fulfillment_base_url", "", "it is missing: a publisher that is saas_v2_poll is polled there."),
            ("contact_email", "nobody", "'nobody' is not an e-mail address."),
            ("client_id", "TAKEN", "already belongs to Northwind Sign."),
        ],
    )
    def test_a_refusal_stands_at_its_field_and_nothing_is_added(self, platform, publisher, field, value, told):
        value = str(publisher.client_id) if value == "TAKEN" else value

        answer = platform.post(reverse("publisher-new"), self.FORM | {field: value})

        assert answer.status_code == 422
        (error,) = answer.context["form"].errors[field]
        assert told in error
        assert list(Publisher.objects.values_list("name", flat=True)) == ["Northwind Sign"]

    def test_an_edit_leaves_the_catalogue_and_its_policies_alone(self, platform, publisher):
        document, _events = whole(publisher)

        answer = platform.post(
            page("edit", publisher), shown(platform, page("edit", publisher)) | {"max_per_second": 9}
        )

        assert (answer.status_code, whole(publisher)[0]) == (302, document | {"max_per_second": 9})
        assert Event.objects.latest("at", "sequence").data["changes"] == ["max_per_second: nothing -> 9"]

    def test_two_edits_at_once_overwrite_nothing(self, platform, publisher):
        first, second = (shown(platform, page("edit", publisher)) for _ in range(2))
        platform.post(page("edit", publisher), first | {"contact_email": "a@northwind.example"})
        before = whole(publisher)

        answer = platform.post(page("edit", publisher), second | {"contact_email": "b@northwind.example"})

        assert (answer.status_code, whole(publisher)) == (409, before)
        (conflict,) = answer.context["form"].conflicts
        assert (conflict.base, conflict.theirs, conflict.yours) == ("", "a@northwind.example", "b@northwind.example")

    def test_another_app_takes_the_place_of_the_first_with_a_secret_of_its_own(self, platform, publisher):
        wanted = shown(platform, page("edit", publisher)) | {"client_id": "0e7a7d56-6f1c-4a0e-8a52-1d5a1f0f4c11"}

        answer = platform.post(page("edit", publisher), wanted)

        publisher.refresh_from_db()
        (secret,) = set(SHOWN_SECRET.findall(text_of(answer)))
        assert str(publisher.client_id) == wanted["client_id"]
        assert verify_secret(publisher.client, secret, NOON)


class TestCatalogue:
    def test_a_publisher_written_down_and_registered_again_is_the_same(self, publisher, platform):
        told = json.loads(platform.get(page("document", publisher)).content)

        assert register_publisher(OPERATOR, told, at=NOON).changes == []
        assert told["offers"][0]["plans"][1]["policies"] == {"activate_within": "PT72H"}

    def test_changes_are_shown_first_and_made_when_they_are_applied(self, platform, publisher):
        form = shown(platform, page("catalogue", publisher))
        document, before = json.loads(form["document"]), whole(publisher)
        document["offers"][0]["title"] = "eSign 2"
        document["surplus"] = 1
        form["document"] = json.dumps(document)

        preview = platform.post(page("catalogue", publisher), form | {"act": "preview"})
        assert preview.context["preview"].changes == ["offers[esign--prompt].title: eSign -> eSign 2"]
        assert (preview.context["preview"].ignored, whole(publisher)) == (["surplus"], before)

        assert platform.post(page("catalogue", publisher), form | {"act": "apply"}).status_code == 302
        assert publisher.offers.get().title == "eSign 2"
        assert platform.post(page("catalogue", publisher), form | {"act": "apply"}).status_code == 409

    def test_a_file_is_never_applied_unseen(self, platform, publisher):
        document, before = document_of(publisher) | {"offers": []}, whole(publisher)
        given = SimpleUploadedFile("northwind.json", json.dumps(document).encode())

        answer = platform.post(page("catalogue", publisher), {"version": 1, "file": given, "act": "apply"})

        assert answer.context["preview"].changes == ["offers[esign--prompt]: withdrawn"]
        assert (json.loads(answer.context["form"]["document"].value()), whole(publisher)) == (document, before)

    @pytest.mark.parametrize(
        ("document", "told"),
        [
            ("{", "This is not JSON"),
            ("[]", "This is not a JSON object."),
            (json.dumps(DOCUMENT | {"adapter": "fax"}), "adapter is not valid: 'fax' is not one of"),
            (json.dumps(DOCUMENT | {"name": "Fabrikam"}), "This is about Fabrikam, not about Northwind Sign"),
        ],
    )
    def test_what_does_not_fit_is_refused_and_changes_nothing(self, platform, publisher, document, told):
        before = whole(publisher)

        answer = platform.post(page("catalogue", publisher), {"version": 1, "document": document, "act": "apply"})

        assert (answer.status_code, whole(publisher)) == (422, before)
        assert told in text_of(answer)

    def test_a_secret_in_a_refused_document_is_kept_nowhere(self, platform, publisher):
        document = json.dumps(DOCUMENT | {"name": "Fabrikam", "client_secret": "plain as day"})

        platform.post(page("catalogue", publisher), {"version": 1, "document": document, "act": "apply"})

        (refusal,) = Refusal.objects.all()
        assert (refusal.code, "plain as day" in json.dumps(refusal.asked)) == ("publisher_name_fixed", False)


class TestSecrets:
    def test_the_last_secret_is_revoked_after_a_warning(self, platform, publisher):
        secret = publisher.client.secrets.get()
        url = reverse("publisher-revoke", args=[publisher.pk, secret.pk])

        assert "It is the last valid secret" in text_of(platform.get(url))
        assert platform.post(url).status_code == 302

        assert "The publisher has no valid secret" in text_of(platform.get(page("settings", publisher)))

    def test_who_can_help_is_warned_at_home_before_the_last_one_ends(self, publisher, time_machine):
        time_machine.move_to(NOON + SECRET_LIVES - timedelta(days=20), tick=False)

        told = {role: text_of(signed_in(role).get("/")) for role in (Role.PLATFORM_ADMIN, Role.ADMIN_AGENT)}

        ends = "Northwind Sign – Secret ending The publisher's last secret is about to end. Platform admin"
        assert ends in told[Role.PLATFORM_ADMIN]
        assert "Who can: Platform admin" in told[Role.ADMIN_AGENT]

    def test_the_button_makes_the_next_signing_key_and_says_when_it_signs(self, platform):
        url = reverse("publisher-keys")
        assert "Signs" in text_of(platform.get(url))

        first, second = (text_of(platform.post(url, follow=True)) for _ in range(2))

        assert "The new key is published; it signs in an hour." in first
        assert [row["tone"] for row in platform.get(url).context["keys"]].count("wait") == 1
        assert "A new key is published already and does not sign yet" in second
        assert Event.objects.filter(name="signing_key.rotated").count() == 1
