"""Signing in as people do: password, second factor, who must have one, and being asked again."""

import re
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode, urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.http import urlsafe_base64_encode

from accounts.models import Invitation, PersonalToken, Session, User
from accounts.policy import Role
from partnerhub.clock import now
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from tests.factories.accounts import PASSWORD, ClientFactory, UserFactory

pytestmark = pytest.mark.django_db
SIGN_IN, CODE, APP = "/accounts/sign-in/", "/accounts/sign-in/code/", "/accounts/security/app/"


@pytest.fixture
def later():
    """Lets time go on, until the test is over."""
    with ExitStack() as stack:
        yield lambda **some: stack.enter_context(time_machine.travel(now() + timedelta(**some)))


def signed_in(user: User) -> Client:
    client = Client()
    assert client.post(SIGN_IN, {"username": user.email, "password": PASSWORD}).status_code == 302
    return client


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def told(user: User) -> list[tuple[str, dict]]:
    return list(Event.objects.filter(stream_id=user.pk).order_by("sequence").values_list("name", "data"))


def test_a_password_signs_in_and_goes_where_one_wanted_to():
    user, client = UserFactory(), Client()
    answer = client.post(SIGN_IN, {"username": user.email.upper(), "password": PASSWORD, "next": "/customers/"})
    assert (answer.status_code, answer["Location"]) == (302, "/customers/")
    assert client.get("/customers/").status_code == 200
    assert told(user) == [("user.signed_in", {"with": ["password"]})]


@pytest.mark.parametrize("kind", ["unknown", "wrong password", "deactivated", "from the directory"])
def test_every_failure_is_told_in_the_same_words_and_leaves_nothing(kind):
    user = UserFactory(is_active=kind != "deactivated")
    if kind == "from the directory":
        user.set_unusable_password()
        user.save()
    email = "nobody@partnerhub.example" if kind == "unknown" else user.email
    password = PASSWORD if kind in ("unknown", "deactivated") else "something else entirely"
    answer = Client().post(SIGN_IN, {"username": email, "password": password})
    said = re.search(r'class="form-errors" role="alert"><p>(.*?)</p>', answer.content.decode())
    assert (answer.status_code, said[1]) == (
        200,
        "This e-mail and password do not belong together. Check both and try again.",
    )
    assert (Event.objects.count(), Session.objects.exclude(user=None).count()) == (0, 0)


@pytest.mark.parametrize("known", [True, False])
def test_too_many_failures_hold_an_account_back_and_are_on_record_once(settings, known):
    settings.HUB_FAILED_SIGN_INS_AN_HOUR = 3
    user = UserFactory()
    email = user.email if known else "nobody@partnerhub.example"
    answers = [Client().post(SIGN_IN, {"username": email, "password": "wrong"}) for _ in range(4)]
    right = Client().post(SIGN_IN, {"username": email, "password": PASSWORD})
    assert [answer.status_code for answer in [*answers, right]] == [200, 200, 200, 429, 429]
    assert int(right["Retry-After"]) > 3000
    assert told(user) == ([("user.sign_ins_held_back", {})] if known else [])
    assert Event.objects.count() == known


def with_app(client: Client) -> str:
    """Add an authenticator app; returns its secret."""
    secret = client.get(APP).context["secret"]
    assert client.post(APP, {"code": code_of(secret)})["Location"] == "/accounts/security/recovery-codes/"
    return secret


def test_an_authenticator_app_is_asked_for_from_then_on(settings):
    user = UserFactory()
    client = signed_in(user)
    secret = with_app(client)
    codes = client.get("/accounts/security/recovery-codes/").context["codes"]
    assert (len(codes), client.get("/accounts/security/recovery-codes/").context["codes"]) == (10, [])
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in kept
    late = signed_in(user)
    assert late.get("/customers/").status_code == 302
    assert late.post(CODE, {"code": "000000"}).context["form"].errors == {
        "code": ["This code does not work. Check it and try again."]
    }
    assert late.post(CODE, {"code": codes[0]}).status_code == 302
    assert late.get("/customers/").status_code == 200
    again = signed_in(user)
    assert again.post(CODE, {"code": codes[0]}).status_code == 200
    assert again.post(CODE, {"code": code_of(secret)}).status_code == 302
    assert [name for name, _ in told(user)] == [
        *("user.signed_in", "user.second_factor_added", "user.signed_in", "user.signed_in")
    ]
    assert told(user)[2][1] == {"with": ["password", "recovery_codes"]}
    assert "authenticator app" in opened(Message.objects.get(recipient=user.email).body)[0]


def test_guessing_codes_is_slowed_down(settings):
    settings.HUB_FAILED_SIGN_INS_A_MINUTE = 2
    user = UserFactory()
    secret = with_app(signed_in(user))
    client = signed_in(user)
    answers = [client.post(CODE, {"code": code}).status_code for code in ("1", "2", code_of(secret))]
    assert answers == [200, 200, 429]
    assert told(user)[-1] == ("user.sign_ins_held_back", {})
    assert client.get("/customers/").status_code == 302


def test_who_needs_a_second_factor_can_do_nothing_else_before(settings):
    settings.HUB_SECOND_FACTOR_ROLES = frozenset(["ops_agent"])
    user = UserFactory(active_role=Role.SALES_AGENT, roles=[Role.SALES_AGENT, Role.OPS_AGENT])
    free = signed_in(UserFactory(active_role=Role.SALES_AGENT))
    assert free.get("/customers/").status_code == 200
    client = signed_in(user)
    for path in ("/", "/customers/", "/accounts/tokens/", "/go/x/"):
        assert client.get(path)["Location"] == "/accounts/security/"
    made = client.post("/accounts/tokens/", {"name": "n", "role": "sales_agent", "days": "7"})
    assert (made["Location"], PersonalToken.objects.count()) == ("/accounts/security/", 0)
    swapped = client.get("/customers/", headers={"HX-Request": "true"})
    assert (swapped.status_code, swapped["HX-Redirect"]) == (403, "/accounts/security/")
    with_app(client)
    assert client.get("/customers/").status_code == 200
    factor = Authenticator.objects.get(type="totp")
    refused = client.post(f"/accounts/security/{factor.pk}/remove/")
    assert (refused.status_code, Authenticator.objects.filter(pk=factor.pk).exists()) == (409, True)


def test_a_session_from_before_has_to_prove_the_second_factor(settings):
    user = UserFactory(active_role=Role.OPS_AGENT)
    old = signed_in(user)
    secret = with_app(signed_in(user))
    settings.HUB_SECOND_FACTOR_ROLES = frozenset(["ops_agent"])
    assert old.get("/customers/")["Location"] == "/accounts/security/"
    assert old.post("/accounts/confirm/", {"password": PASSWORD}).status_code == 200
    assert old.get("/customers/")["Location"] == "/accounts/security/"
    assert old.post("/accounts/confirm/", {"code": code_of(secret), "next": "/customers/"})["Location"] == "/customers/"
    assert old.get("/customers/").status_code == 200


def test_a_secret_is_made_only_for_who_proved_lately_who_they_are(settings, later):
    settings.HUB_CONFIRM_MINUTES = 15
    user = UserFactory(active_role=Role.SALES_AGENT)
    client, asked = signed_in(user), {"name": "Report", "role": "sales_agent", "days": "7"}
    later(minutes=16)
    question = client.post("/accounts/tokens/", asked)
    assert question["Location"] == "/accounts/confirm/?next=%2Faccounts%2Ftokens%2F"
    wrong = client.post("/accounts/confirm/", {"next": "/accounts/tokens/", "password": "wrong"})
    assert (wrong.status_code, PersonalToken.objects.count()) == (422, 0)
    answer = client.post("/accounts/confirm/", {"next": "/accounts/tokens/", "password": PASSWORD})
    assert (answer.status_code, PersonalToken.objects.get().name) == (200, "Report")
    assert answer.context["credentials"][0]["value"].startswith("hub_")
    assert client.post("/accounts/tokens/", asked).status_code == 200


@pytest.mark.parametrize(
    "path", ["/clients/new/", "/publishers/new/", "/accounts/security/app/", "/accounts/security/passkeys/"]
)
def test_what_shows_a_secret_asks_first(settings, later, path):
    settings.HUB_CONFIRM_MINUTES = 15
    client = signed_in(UserFactory(active_role=Role.PLATFORM_ADMIN))
    assert client.get(path).status_code == 200
    later(minutes=16)
    assert client.get(path)["Location"].startswith("/accounts/confirm/?next=")


def test_who_may_do_what_is_changed_only_by_who_proved_lately_who_they_are(settings, later):
    settings.HUB_CONFIRM_MINUTES = 15
    client, agent = signed_in(UserFactory(active_role=Role.PLATFORM_ADMIN)), UserFactory(active_role=Role.SALES_AGENT)
    profile = {"name": "Ewa", "sales_agent": "on", "language": "en", "scope": "all", "customers": ""}
    assert client.post("/agents/invite/", {**profile, "email": "jan@firma.example"}).status_code == 302
    invited, events = Invitation.objects.get(), Event.objects.count()
    later(minutes=16)
    asked = {
        "/agents/invite/": {**profile, "email": "ewa@firma.example"},
        f"/agents/invitations/{invited.pk}/send/": {},
        reverse("client-scope", args=[ClientFactory(role=Role.ADMIN_AGENT).pk]): {"scope": "all", "customers": ""},
        f"/agents/{agent.pk}/activation/": {"act": "deactivate", "reason": "Left"},
        f"/agents/{agent.pk}/edit/": {**profile, "version": "1"},
    }
    for path, sent in asked.items():
        assert client.post(path, sent)["Location"] == f"/accounts/confirm/?{urlencode({'next': path})}"
    assert Event.objects.count() == events
    answer = client.post("/accounts/confirm/", {"next": path, "password": PASSWORD})
    agent.refresh_from_db()
    assert (answer.status_code, answer["Location"], agent.name) == (302, f"/agents/{agent.pk}/", "Ewa")


def test_asking_for_links_is_held_back_and_tells_nothing(settings):
    settings.HUB_FAILED_SIGN_INS_AN_HOUR = 2
    user = UserFactory()
    told = {
        email: [Client().post("/accounts/password/forgotten/", {"email": email}) for _ in range(4)]
        for email in (user.email, "nobody@partnerhub.example")
    }
    known, unknown = ([(one.status_code, one["Location"], one.content) for one in answers] for answers in told.values())
    assert known == unknown
    assert Event.objects.count() == 2
    signed_in(user)
    users = (str(user.pk), "00000000-0000-0000-0000-000000000000")
    made_up = [Client().get(f"/accounts/password/new/{urlsafe_base64_encode(pk.encode())}/made-up/") for pk in users]
    assert [page.status_code for page in made_up] == [410, 410]
    first, second = (re.search(r"<h1>.*?</p>", page.content.decode(), re.DOTALL)[0] for page in made_up)
    assert first == second


def test_a_forgotten_password_is_chosen_anew_by_a_link_that_works_once():
    user = UserFactory()
    open_session = signed_in(user)
    for email in (user.email, "nobody@partnerhub.example"):
        answer = Client().post("/accounts/password/forgotten/", {"email": email})
        assert answer["Location"] == "/accounts/password/forgotten/sent/"
    assert Event.objects.filter(name="user.password_reset_asked").count() == 1
    deliver_due(now())
    text = opened(Message.objects.get().body)[0]
    link = urlsplit(re.search(r"https?://\S+/password/new/\S+", text)[0]).path
    client = Client()
    form = client.get(link)["Location"]
    assert form.endswith("/choose/")
    chosen = {"new_password1": "a much longer battery", "new_password2": "a much longer battery"}
    assert client.post(form, chosen)["Location"] == SIGN_IN
    assert [client.post(form, chosen).status_code, Client().get(link).status_code] == [410, 410]
    assert open_session.get("/customers/").status_code == 302
    assert Client().post(SIGN_IN, {"username": user.email, "password": chosen["new_password1"]}).status_code == 302
    assert told(user)[-2] == ("user.password_changed", {"by": "reset"})


def test_changing_the_password_ends_all_other_sessions():
    user = UserFactory()
    client, other = signed_in(user), signed_in(user)
    given = {
        "old_password": "wrong",
        "new_password1": "a much longer battery",
        "new_password2": "a much longer battery",
    }
    assert client.post("/accounts/password/", given).status_code == 422
    assert other.get("/customers/").status_code == 200
    assert client.post("/accounts/password/", {**given, "old_password": PASSWORD})["Location"] == "/accounts/security/"
    assert [client.get("/customers/").status_code, other.get("/customers/").status_code] == [200, 302]
    assert told(user)[-1] == ("user.password_changed", {"by": "own"})


def test_signing_in_leads_to_no_other_site():
    user = UserFactory()
    answer = Client().post(SIGN_IN, {"username": user.email, "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_an_operator_lets_in_who_has_lost_the_second_factor():
    user = UserFactory()
    client = signed_in(user)
    with_app(client)
    out = StringIO()
    call_command("forget_second_factors", user.email.upper(), stdout=out)
    assert out.getvalue() == f"Second factors removed of {user.email.upper()}: 1\n"
    assert (client.get("/customers/").status_code, Authenticator.objects.count()) == (302, 0)
    assert signed_in(user).get("/customers/").status_code == 200
    assert told(user)[-2] == ("user.second_factors_forgotten", {"count": 1})
    with pytest.raises(CommandError, match=r"nobody@partnerhub\.example"):
        call_command("forget_second_factors", "nobody@partnerhub.example")


def test_who_is_deactivated_before_the_second_factor_is_not_let_in():
    user = UserFactory()
    secret = with_app(signed_in(user))
    client = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == SIGN_IN
    assert client.get("/customers/").status_code == 302
    assert told(user)[-1] == ("user.sign_in_refused", {"why": "account_deactivated"})
