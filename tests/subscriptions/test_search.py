"""The search finds what reading every row would, however many match; and every order of a list has its index."""

from collections import Counter
from itertools import count, takewhile

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.policy import Role
from subscriptions import matches, search
from subscriptions.models import Nickname, Subscription
from subscriptions.services.edits import rename
from subscriptions.sorts import SORTS
from tests.api.conftest import Program
from tests.factories.accounts import UserFactory
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db

NAMES = ["Zażółć gęślą jaźń", "100% _sure_", "O'Neil & Sons", "a\\b\\c", "C++ / C#", "東京都 Büro", "Team - 1"]
TEXTS = [
    "żółć",
    "GĘŚ",
    "100%",
    "_su",
    "%%%",
    "o'n",
    "il & s",
    "\\b\\",
    "c++",
    "京都 ",
    "büro",
    "eam",
    "  -",
    "---",
    "zzz",
]


def everything_read(text: str) -> set[str]:
    """What each row says of itself, without any index."""
    named = Q(nickname__icontains=text) | Q(offer__title__icontains=text) | Q(customer__name__icontains=text)
    known = Q(customer__domain__icontains=text) | Q(customer__beneficiary_email__iexact=text)
    return set(Subscription.objects.filter(named | known).values_list("nickname", flat=True))


def found(text: str) -> set[str]:
    return set(search.Search(text).among(Subscription.objects.all()).values_list("nickname", flat=True))


def counted(text: str) -> Counter[str]:
    return search.Search(text).by_status(Subscription.objects.all())


@pytest.fixture
def bought() -> list[Subscription]:
    numbers = count()
    offers = [OfferFactory(title=name) for name in NAMES[:3]]
    terms = [PlanTermFactory(plan=PlanFactory(offer=offer)) for offer in offers]
    customers = [CustomerFactory(name=name, domain=f"d{number}.example") for number, name in enumerate(NAMES)]
    return [
        buy(nickname=f"{name} {next(numbers)}", term=terms[place % 3], customer=customers[-place - 1])
        for place, name in enumerate(NAMES)
    ]


def test_whatever_is_typed_finds_what_reading_every_row_finds(bought, monkeypatch):
    texts = [*TEXTS, *(name[1:5] for name in NAMES), bought[0].customer.beneficiary_email.upper(), "d3.EXAM"]
    few = {text: found(text) for text in texts}
    monkeypatch.setattr(matches, "FEW", 0)

    assert few == {text: everything_read(text) for text in texts}
    assert {text: found(text) for text in texts} == few
    assert all(search.Search(text).finds_many == bool(few[text]) for text in texts)
    monkeypatch.setattr(matches, "FEW_NAMED", 0)
    assert {text: found(text) for text in texts} == few


def test_what_a_sample_meets_often_is_not_looked_for_and_counted_as_ever(bought, monkeypatch):
    texts = [*TEXTS, *(name[1:5] for name in NAMES), bought[0].customer.beneficiary_email.upper()]
    usual = {text: (found(text), counted(text)) for text in texts}

    monkeypatch.setattr(matches, "COMMON", 1)

    assert {text: (found(text), counted(text)) for text in texts} == usual
    assert {text for text in texts if matches.matches_of(text).is_common} == {text for text in texts if usual[text][0]}


def test_a_long_text_is_looked_for_by_its_rarest_part_and_compared_whole(bought):
    """The part that the sample never meets is asked of the index; another name with the same part is not found."""
    buy(nickname="Team 204542 North"), buy(nickname="Team 204542 South"), buy(nickname="Team 20454 North")

    assert found("team 204542 n") == {"Team 204542 North"}
    assert found("am 20454") == {"Team 204542 North", "Team 204542 South", "Team 20454 North"}
    assert found("team 204542 east") == found("x" * 200) == found("Team " * 40) == set()


def test_an_order_and_the_beginning_of_an_id_are_found_among_many_too(bought, monkeypatch):
    one = bought[2]
    texts = [one.order_line.order.number.upper(), str(one.pk)[:13], str(one.customer_id)]

    few = [found(text) for text in texts]
    monkeypatch.setattr(matches, "FEW", 0)

    assert few == [{one.nickname}] * 3 == [found(text) for text in texts]


def test_new_names_are_found_at_once_and_old_ones_no_longer(bought, admin_agent):
    one = bought[0]
    rename(admin_agent, one.pk, nickname="Kwiaty", version=None, at=NOON)
    Subscription.objects.filter(pk=bought[1].pk).update(nickname="In one statement")
    one.customer.name = one.offer.title = "Renamed"
    one.customer.save()
    one.offer.save()

    assert found("kwiaty") == found("Kwi") == {"Kwiaty"}
    assert found("one stat") == {"In one statement"}
    assert found("renamed") == everything_read("renamed") >= {"Kwiaty"}
    assert dict(Nickname.objects.values_list("pk", "text")) == dict(Subscription.objects.values_list("pk", "nickname"))


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in SORTS for sign in ("", "-")])
def test_every_order_of_a_list_is_that_of_an_index(sort):
    """The rows of a page are sorted once they are chosen, never to choose them, but for those of equal names by id."""
    by_publisher = sort.removeprefix("-") == "publisher"
    agent = Client()
    agent.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    with CaptureQueriesContext(connection) as captured:
        agent.get("/subscriptions/", {"sort": sort})
        Program(Role.ADMIN_AGENT).get(f"/subscriptions?size=50&sort={sort}")

    for_people, for_programs = [query["sql"] for query in captured.captured_queries if "LIMIT 51" in query["sql"]]
    for chosen in (for_people, for_programs):
        inner = _plan_of_chosen(chosen)
        assert [line for line in inner if "Seq Scan" in line] == []
        if by_publisher:  # so many of each, by its index; those are sorted
            assert any("subscription_of_publisher" in line for line in inner)
            continue
        assert [line for line in inner if "->  Sort" in line] == []
        assert any("Incremental Sort" in line for line in inner) == (sort.removeprefix("-") == "customer")


def _plan_of_chosen(sql: str) -> list[str]:
    """The plan of what is below the limit, where every index that can be used is."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}".replace("%", "%%"), ())
        plan = [line for (line,) in cursor.fetchall()]
    first = next(number for number, line in enumerate(plan) if "Limit" in line)
    return list(takewhile(lambda line: _depth(line) > _depth(plan[first]), plan[first + 1 :]))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
