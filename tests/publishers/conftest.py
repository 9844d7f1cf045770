import re
from html import unescape

from django.test import Client

from accounts.policy import Role
from tests.factories.accounts import UserFactory


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))
