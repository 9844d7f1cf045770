"""Send to customer: one mail with one secret address; what its holder can do there, and nothing once it is gone."""

import html
import json
import logging
import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core import serializers
from django.test import Client

from accounts.policy import OPERATOR, Role
from partnerhub.errors import InvalidInput
from partnerhub.logs import redact
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.mail.services import is_wanted
from partnerhub.outbox.models import Event
from publishers.models import Publisher
from publishers.services.document import read_document
from publishers.services.register import register_publisher
from publishers.services.writing import document_of
from subscriptions.models import CustomerPage, LetterTemplate, PurchaseToken, SetupAnswers
from subscriptions.page_letters import check_template, page_letter
from subscriptions.services.customer_setup import page_known
from subscriptions.services.links import resolve_token
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, hear, said

DAY = timedelta(days=1)


def question(key: str, kind: str, *, required: bool = False, choices=()) -> dict:
    label = f"Your {key}?"
    return {"key": key, "kind": kind, "label": label, "labels": {}, "required": required, "choices": list(choices)}


QUESTIONS = [
    question("domain", "domain", required=True),
    question("owner", "email", required=True),
    question("seats", "number"),
    question("region", "choice", choices=["Warszawa", "Paris"]),
    question("start", "date"),
    question("remark", "text"),
    question("wish", "long") | {"labels": {"pl": "Życzenie?"}},
]


@pytest.mark.parametrize(
    ("subject", "body", "field", "problem"),
    [
        ("{offr}", "x", "subject", "{offr} is not a placeholder"),
        ("x", "Hello {contact}, {}", "body", "{} is not a placeholder"),
        (" ", "x", "subject", "0 characters"),
        ("x\ny", "x", "subject", "control character"),
        ("x", "y" * 5001, "body", "5001 characters"),
    ],
)
def test_a_text_that_cannot_be_a_letter_is_refused_by_name(subject, body, field, problem):
    with pytest.raises(InvalidInput, match=re.escape(problem)) as refusal:
        check_template(subject, body)
    assert refusal.value.values["field"] == field


def test_braces_in_a_value_are_no_placeholders():
    values = dict.fromkeys(("contact", "customer", "offer", "plan", "quantity", "publisher", "order", "until"), "{x}")
    letter = page_letter(
        "{offer}: {", "Hello {contact}\n\n{agent} {not\nclosed", values | {"agent": "A {offer}"}, language="en", url="u"
    )

    assert (letter.subject, letter.greeting, letter.paragraphs) == ("{x}: {", "Hello {x}", ("A {offer} {not closed",))


@pytest.mark.parametrize("path", ["/c/{}", "/c/{}/go", "http://hub.example/c/{}/answers?x=1"])
def test_the_address_reaches_no_log(path):
    token = "aB3_-" * 13
    event = {"event": f"Gone: {path.format(token)}", "path": path.format(token)}
    assert token not in json.dumps(redact(logging.getLogger(), "info", event))


@pytest.fixture
def agent(db):
    return UserFactory(name="Piotr", email="piotr@hub.example", active_role=Role.SALES_AGENT)


@pytest.fixture
def waiting(agent):
    customer = CustomerFactory(
        language="pl", name="Żółta Łódź", beneficiary_name="Ewa", beneficiary_email="it@lodz.example"
    )
    publisher = PublisherFactory(name="Northwind")
    term = PlanTermFactory(
        plan__offer__publisher=publisher, plan__offer__title="eSign", plan__setup_questions=QUESTIONS
    )
    return buy(by=agent.actor(), customer=customer, term=term)


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def letter(**different) -> dict:
    typed = {
        "recipient": "it@lodz.example",
        "language": "pl",
        "subject": "{offer}",
        "body": "Dzień dobry {contact},\n\n{agent}",
    }
    return typed | {"page": str(uuid4())} | different


def sent(client: Client, subscription, **different) -> str:
    """Send the customer a page; its path."""
    different = {"page": str(uuid4())} | different
    response = client.post(f"/subscriptions/{subscription.pk}/send/", letter(**different))
    assert response.status_code == 302, response.content.decode()
    message = Message.objects.get(key=f"page:{different['page']}")
    return re.search(r"https?://[^/]+(/c/\S+)", opened(bytes(message.body))[0])[1]


def traces() -> tuple:
    """Everything that an act could have changed."""
    rows = [
        *CustomerPage.objects.all(),
        *SetupAnswers.objects.all(),
        *Message.objects.all(),
        *PurchaseToken.objects.all(),
    ]
    return Event.objects.count(), serializers.serialize("json", rows)


def events_of(subscription, name: str) -> list[Event]:
    return list(Event.objects.filter(stream_id=subscription.pk, name=f"subscription.{name}").order_by("sequence"))


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.mark.django_db
class TestSending:
    def test_two_clicks_send_one_mail_whose_secret_stands_nowhere_else(self, agent, waiting, noon):
        client, page = signed_in(agent), str(uuid4())
        token = sent(client, waiting, page=page).rpartition("/")[2]
        client.post(f"/subscriptions/{waiting.pk}/send/", letter(page=page))

        [kept], [message], [event] = CustomerPage.objects.all(), Message.objects.all(), events_of(waiting, "page_sent")
        assert (message.recipient, message.language, message.subject, message.reply_to) == (
            "it@lodz.example", "pl", "eSign", "piotr@hub.example",
        )  # fmt: skip
        text, _page = opened(bytes(message.body))
        assert "Dzień dobry Ewa," in text
        assert "Otwórz stronę zamówienia" in text
        assert (kept.expires_at, message.expires_at) == (NOON + 14 * DAY, NOON + 14 * DAY)
        assert event.data == {
            "page": page, "recipient": "it@lodz.example", "language": "pl", "until": (NOON + 14 * DAY).isoformat(),
        }  # fmt: skip
        assert len(token) == 64
        assert token not in serializers.serialize("json", [kept, message, *Event.objects.all()])

    def test_the_letter_begins_with_the_template_of_the_customers_language(self, agent, waiting, noon):
        admin = signed_in(UserFactory(active_role=Role.ADMIN_AGENT))
        saved = {"subject": "Witamy: {offer}", "body": "Cześć {contact}", "version": 0, "base": "{}"}
        answers = [
            admin.post("/letters/pl/", saved | {"subject": each}).status_code
            for each in ("{x}", saved["subject"], "late")
        ]
        page = signed_in(agent).get(f"/subscriptions/{waiting.pk}/send/").content.decode()
        shown = signed_in(agent).post(f"/subscriptions/{waiting.pk}/send/preview/", letter(subject="{nope}"))

        assert answers == [422, 302, 409]
        assert LetterTemplate.objects.get().subject == "Witamy: {offer}"
        assert [event.data["language"] for event in Event.objects.filter(name="letter.changed")] == ["pl"]
        assert ['value="Witamy: {offer}"' in page, "Cześć Ewa" in page, 'value="it@lodz.example"' in page] == [True] * 3
        assert "{nope} is not a placeholder." in text_of(shown)
        assert signed_in(agent).get("/letters/pl/").status_code == 403

    @pytest.mark.parametrize(
        ("case", "status"),
        [("platform", 403), ("active", 422), ("overdue", 422), ("address", 422), ("placeholder", 422), ("often", 409)],
    )
    def test_a_refusal_changes_nothing(self, agent, waiting, noon, case, status):
        client = signed_in(UserFactory(active_role=Role.PLATFORM_ADMIN) if case == "platform" else agent)
        typed = {"address": {"recipient": "x@"}, "placeholder": {"body": "{x}"}}.get(case, {})
        if case == "active":
            hear(waiting, said(waiting))
        if case == "overdue":
            noon.move_to(NOON + 31 * DAY)
            client.force_login(agent)
        for _ in range(10 if case == "often" else 0):
            sent(client, waiting)
        before = traces()

        assert client.post(f"/subscriptions/{waiting.pk}/send/", letter(**typed)).status_code == status
        assert traces() == before

    def test_what_became_of_it_shows_and_it_can_be_taken_back(self, agent, waiting, noon):
        client, detail = signed_in(agent), f"/subscriptions/{waiting.pk}/"
        path, page = sent(client, waiting), CustomerPage.objects.get()
        waits = text_of(client.get(detail))
        Message.objects.update(failed_at=NOON, next_attempt_at=None, body=b"", last_error="SMTPRecipientsRefused 550")
        failed = text_of(client.get(detail))
        for _ in range(2):
            client.post(f"{detail}pages/{page.pk}/revoke/")

        assert "it@lodz.example : being sent" in waits
        assert "could not be delivered (SMTPRecipientsRefused 550)" in failed
        assert "revoked by Piotr" in text_of(client.get(detail))
        assert len(events_of(waiting, "page_revoked")) == 1
        assert [Client().get(path).status_code, is_wanted(page.message.key)] == [410, False]


@pytest.mark.django_db
class TestThePage:
    def test_looking_changes_nothing_and_tells_nobody_the_address(self, agent, waiting, noon):
        path = sent(signed_in(agent), waiting)
        before = traces()
        response = Client().get(path, HTTP_ACCEPT_LANGUAGE="en")
        Client().head(path)

        assert traces() == before
        assert [response.headers[name] for name in ("Referrer-Policy", "Cache-Control", "Content-Language")] == [
            "no-referrer", "no-store", "pl",
        ]  # fmt: skip
        assert ("noindex" in response.headers["X-Robots-Tag"], response.cookies.keys()) == (True, {}.keys())
        assert "form-action 'self'" in response.headers["Content-Security-Policy"]
        told = text_of(response)
        assert [word in told for word in ("Konfiguracja: eSign", "Northwind", "7", "Życzenie?", "Żółta Łódź")] == [
            True
        ] * 5
        assert Client().get(f"{path}/go").status_code == 405

    def test_the_button_makes_a_fresh_link_in_the_name_of_the_contact(self, agent, waiting, noon):
        path = sent(signed_in(agent), waiting)
        browser = Client(enforce_csrf_checks=True)
        links = [
            re.search(r'content="0;url=([^"]+)"', browser.post(f"{path}/go", HTTP_ORIGIN="null").content.decode())[1]
            for _ in range(2)
        ]

        assert len(set(links)) == 2
        token = links[0].partition("token=")[2]
        assert resolve_token(waiting.publisher.client.actor(), token, at=NOON).pk == waiting.pk
        minted = events_of(waiting, "link_minted")
        assert [(event.actor_kind, event.actor_role, event.actor_label) for event in minted] == [
            ("customer", "customer", "it@lodz.example")
        ] * 2
        assert CustomerPage.objects.get().opened_at == NOON

    def test_what_fits_is_kept_what_does_not_is_shown_again(self, agent, waiting, noon):
        client = signed_in(agent)
        path = sent(client, waiting)
        wrong = {
            "q_domain": "no domain",
            "q_owner": "Ewa@Lodz.example",
            "q_seats": "-1",
            "q_region": "Rome",
            "q_start": "soon",
        }
        refused = Client().post(f"{path}/answers", wrong | {"q_remark": " two\n words "})
        answered = SetupAnswers.objects.get()
        first = {key: one["value"] for key, one in answered.answers.items()}
        shown = {
            "was_owner": "Ewa@Lodz.example",
            "q_owner": "Ewa@Lodz.example",
            "was_remark": "two words",
            "q_remark": "",
        }
        right = {"q_domain": "LODZ.example", "q_seats": "12", "q_region": "Paris", "q_start": "2026-12-01"}
        taken = [Client().post(f"{path}/answers", shown | right).status_code for _ in range(2)]

        assert (refused.status_code, first, answered.completed_at) == (
            422,
            {"owner": "Ewa@Lodz.example", "remark": "two words"},
            None,
        )
        assert refused.content.decode().count('class="errorlist"') == 4
        assert 'value="no domain"' in refused.content.decode()
        assert taken == [302, 302]
        answered.refresh_from_db()
        assert {key: one["value"] for key, one in answered.answers.items()} == {
            "owner": "Ewa@Lodz.example",
            "domain": "lodz.example",
            "seats": "12",
            "region": "Paris",
            "start": "2026-12-01",
        }
        assert answered.completed_at == NOON
        assert [event.data["missing"] for event in events_of(waiting, "setup_answered")] == [1, 0]
        assert "Dziękujemy: na wszystko już odpowiedziano." in text_of(Client().get(path))
        page = text_of(client.get(f"/subscriptions/{waiting.pk}/"))
        assert "Your domain? lodz.example" in page
        assert "The customer has answered everything that is asked" in page
        assert "Answered everything that the publisher asks. it@lodz.example" in page

    def test_two_at_once_overwrite_nothing(self, agent, waiting, noon):
        path = sent(signed_in(agent), waiting)
        Client().post(f"{path}/answers", {"q_domain": "first.example", "q_remark": "kept"})
        second = Client().post(f"{path}/answers", {"q_domain": "second.example", "q_owner": "a@b.example"})

        values = {key: one["value"] for key, one in SetupAnswers.objects.get().answers.items()}
        assert (second.status_code, values) == (
            409, {"domain": "first.example", "remark": "kept", "owner": "a@b.example"},
        )  # fmt: skip
        page = second.content.decode()
        assert "W międzyczasie ktoś odpowiedział „first.example”." in page
        assert ['value="second.example"' in page, 'value="kept"' in page] == [True, True]

    def test_what_the_publisher_says_it_misses_is_asked_too(self, agent, waiting, noon):
        path = sent(signed_in(agent), waiting)
        hear(waiting, said(waiting, "PendingFulfillmentStart", assigned_quantity=0, message="Which VAT number?"))

        assert "Which VAT number?" in text_of(Client().get(path))


@pytest.mark.django_db
class TestGone:
    def test_whatever_does_not_work_looks_alike_and_does_nothing(self, agent, waiting, noon):
        client = signed_in(agent)
        revoked, used = sent(client, waiting), sent(client, waiting)
        expired = sent(client, waiting)
        pages = {path: page_known(path.rpartition("/")[2]) for path in (revoked, expired)}
        client.post(f"/subscriptions/{waiting.pk}/pages/{pages[revoked].pk}/revoke/")
        CustomerPage.objects.filter(pk=pages[expired].pk).update(expires_at=NOON + DAY)
        noon.move_to(NOON + DAY)
        made_up = f"/c/{'x' * 64}"
        before = traces()

        seen = {path: Client(HTTP_ACCEPT_LANGUAGE="pl").get(path) for path in (made_up, revoked, expired)}
        posts = [Client().post(f"{path}/{act}", {"q_domain": "a.example"}).status_code
                 for path in (made_up, revoked, expired) for act in ("go", "answers")]  # fmt: skip

        assert [response.status_code for response in seen.values()] == [410] * 3
        assert posts == [410] * 6
        assert traces() == before
        assert _same(seen[made_up], made_up) == _same(seen[revoked], revoked)
        assert "Działała do 24.11.2026, 12:00 UTC." in text_of(seen[expired])
        hear(waiting, said(waiting), at=NOON + DAY)
        assert _same(Client().get(used), used) == _same(seen[made_up], made_up)

    def test_another_page_is_asked_for_once_and_the_agent_hears_of_it(self, agent, waiting, noon):
        path = sent(signed_in(agent), waiting)
        asked = [Client().post(f"{path}/again"), Client(HTTP_ACCEPT_LANGUAGE="pl").post(f"/c/{'x' * 64}/again")]
        live = len(events_of(waiting, "page_asked_for"))
        noon.move_to(NOON + 15 * DAY)
        again = [Client().post(f"{path}/again") for _ in range(2)]

        assert live == 0
        assert {(response.status_code, response.content) for response in (*asked, *again)} == {(200, asked[0].content)}
        assert [event.data["recipient"] for event in events_of(waiting, "page_asked_for")] == ["it@lodz.example"]
        told = Message.objects.filter(key__startswith="page-wish:")
        assert [(message.recipient, message.subject) for message in told] == [
            ("piotr@hub.example", "Żółta Łódź: eSign: another page is asked for")
        ]
        places = (f"/subscriptions/{waiting.pk}/", "/attention/")
        shown = ["The customer asks for another page" in text_of(signed_in(agent).get(place)) for place in places]
        assert shown == [True, True]

    def test_who_asks_too_often_must_wait(self, settings, db):
        settings.HUB_CUSTOMER_PAGES_A_MINUTE = 2
        here = f"203.0.113.{uuid4()}"

        assert [Client(REMOTE_ADDR=here).get("/c/x").status_code for _ in range(3)] == [410, 410, 429]


def _same(response, path: str) -> str:
    return response.content.decode().replace(path, "")


DOCUMENT = {
    "name": "Asker", "adapter": "saas_v2_push", "landing_url": "http://127.0.0.1:9/landing",
    "offers": [{"offer_id": "o", "title": "O", "plans": [{
        "plan_id": "p", "title": "P", "pricing": "flat_rate", "min_quantity": 1, "max_quantity": 1,
        "terms": [{"term": "P1M", "billing_cycle": "monthly", "prices": {"EUR": "1"}}],
    }]}],
}  # fmt: skip


def document(*questions: dict) -> dict:
    [offer] = DOCUMENT["offers"]
    return DOCUMENT | {"offers": [offer | {"plans": [offer["plans"][0] | {"setup_questions": list(questions)}]}]}


@pytest.mark.parametrize(
    ("questions", "path"),
    [
        ([{"key": "A b", "kind": "text", "label": "x"}], "[0].key"),
        ([{"key": "a", "kind": "colour", "label": "x"}], "[0].kind"),
        ([{"key": "a", "kind": "text", "label": ""}], "[0].label"),
        ([{"key": "a", "kind": "choice", "label": "x", "choices": ["y", "y"]}], "[0].choices"),
        ([{"key": "a", "kind": "choice", "label": "x", "choices": [1]}], "[0].choices[0]"),
        ([{"key": "a", "kind": "text", "label": "x", "labels": {"pl": 1}}], "[0].labels.pl"),
        ([{"key": "a", "kind": "text", "label": "x"}] * 2, ""),
        ([{"key": f"a{n}", "kind": "text", "label": "x"} for n in range(31)], ""),
    ],
)
def test_questions_that_do_not_fit_are_refused_by_their_path(questions, path):
    with pytest.raises(InvalidInput) as refusal:
        read_document(document(*questions))
    assert refusal.value.values["field"] == f"offers[0].plans[0].setup_questions{path}"


@pytest.mark.django_db
def test_a_document_with_questions_comes_back_as_it_was_registered(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    asked = [
        {"key": "a", "kind": "choice", "label": "x", "labels": {"pl": "y"}, "required": True, "choices": ["1", "2"]}
    ]
    register_publisher(OPERATOR, document(*asked), at=NOON)
    written = document_of(Publisher.objects.get(name="Asker"))

    assert written["offers"][0]["plans"][0]["setup_questions"] == asked
    assert register_publisher(OPERATOR, written, at=NOON).changes == []
    assert register_publisher(OPERATOR, document(), at=NOON).changes != []
