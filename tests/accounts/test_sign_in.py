"""Signing in as people do: password, second factor, who must have one, and being asked again."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client
from django.utils.html import escape

from accounts.models import PersonalToken, Session, User
from accounts.policy import Role
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
SIGN_IN, CODE, APP = "/accounts/sign-in/", "/accounts/sign-in/code/", "/accounts/security/app/"


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
