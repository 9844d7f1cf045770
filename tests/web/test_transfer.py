"""What a browser is sent for a page of the list: few bytes, compressed, and files that it may keep for ever."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from accounts.policy import Role
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import active

BUDGET = 150_000
FIFTY = 50


@pytest.mark.django_db
def test_a_full_list_with_its_files_takes_less_than_150_kb():
    customer, client = CustomerFactory(), Client(headers={"accept-encoding": "gzip, br"})
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    for number in range(3):
        active(customer=customer, nickname=f"Team {number}")

    page = client.get("/subscriptions/")
    part = client.get("/subscriptions/", headers={"HX-Request": "true", "HX-Target": "results"})
    plain = Client()
    plain.cookies = client.cookies

    assert (page["Content-Encoding"], page["Vary"].count("Accept-Encoding")) == ("gzip", 1)
    assert "Content-Encoding" not in plain.get("/subscriptions/").headers
    html = gzip.decompress(page.content).decode()
    row = len(gzip.compress(_row_of(html).encode()))
    assert len(page.content) + FIFTY * row + sum(map(_sent, _files(html))) < BUDGET
    assert len(part.content) < len(page.content) / 2


def _row_of(html: str) -> str:
    found = re.search(r"<tr data-row.*?</tr>", html, re.DOTALL)
    assert found
    return found.group()


def _files(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="/static/([^"]+)"', html)


def _sent(name: str) -> int:
    path = finders.find(name)
    assert path, name
    return len(gzip.compress(Path(path).read_bytes()))
