"""Policies: what a value may be, whose row is chosen, how files and packs write dated rows."""

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.policy import OPERATOR, Role
from partnerhub.errors import InvalidInput, NotFound, NotPermitted
from partnerhub.money import Money
from partnerhub.outbox.models import Event
from publishers.models import Plan, Policy
from publishers.packs import PACKS
from publishers.policy_kinds import KINDS, Threshold, read_threshold
from publishers.selectors import (
    HUB,
    PolicyBook,
    Scope,
    policies_of,
    policy_duration,
    policy_lines,
    policy_threshold,
    policy_word,
)
from publishers.services.policies import apply_policy_pack
from publishers.services.register import register_publisher
from tests.factories.accounts import LONG_AGO, actor
from tests.factories.publishers import PlanFactory, PublisherFactory
from tests.publishers.test_register import DOCUMENT

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
DAYS = [NOON + timedelta(days=day) for day in range(4)]


@pytest.fixture(autouse=True)
def _private_publishers_allowed(settings):
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True


def rows_of_everybody() -> list[dict]:
    return list(Policy.objects.order_by("pk").values())


# What a value may be

GOOD = [
    ("cancel_within", "PT72H", "PT72H"),
    ("undo_within", "PT0S", "PT0S"),
    ("undo_within", "PT300S", "PT300S"),
    ("answer_within", "P1D", "P1D"),
    ("cancel_after_window", "by_agreement", "by_agreement"),
    ("multi_year_locked", "no", "no"),
    ("cancel_steps", [], ""),
    ("cancel_steps", ["Export the data ", "Żądaj zgody"], "Export the data\nŻądaj zgody"),
    ("auto_approve", "off", "off"),
    ("auto_approve", "10% 200 EUR", "10% 200 EUR"),
    ("auto_approve", "2.5% 99.9900 PLN", "2.5% 99.9900 PLN"),
]


@pytest.mark.parametrize(("name", "value", "kept"), GOOD)
def test_a_value_of_its_kind_is_kept(name, value, kept):
    assert KINDS[name].stored(value) == kept


BAD = [
    *(("cancel_within", value) for value in ("P1M", "3 days", "-P1D", "P3651D", "", None, 3, ["P3D"], {})),
    *(("undo_within", value) for value in ("PT301S", "-PT1S")),
    *((name, "PT0S") for name in ("activate_within", "answer_within", "cart_lives", "quote_lives", "request_lives")),
    *(("silence_means", value) for value in ("Accept", "maybe", "", None, True, ["accept"])),
    *(("multi_year_locked", value) for value in (True, "true", "")),
    *(("cancel_steps", value) for value in ("One", [""], [" "], ["One\nTwo"], [1], ["x" * 1001], None, {})),
    *(("auto_approve", value) for value in ("10%", "200 EUR", "10% 200", "-1% 2 EUR", "1000% 2 EUR", "10% 2 eur", "")),
    *(("auto_approve", value) for value in ("10% 200 EUR\n", "on", None, 10, "10% 200.12345 EUR")),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_of_another_kind_is_refused(name, value):
    with pytest.raises(ValueError, match=r"^is (not|neither|longer)"):
        KINDS[name].stored(value)


def test_a_threshold_is_read():
    assert read_threshold("2.5% 99.99 PLN") == Threshold(Decimal("2.5"), Money(Decimal("99.99"), "PLN"))
    assert read_threshold("off") is None
    with pytest.raises(ValueError, match="not a threshold"):
        read_threshold("anything")


@pytest.mark.django_db
def test_every_policy_has_a_default_and_no_other_row_is_hub_wide():
    rows = list(Policy.objects.all())

    assert sorted(row.name for row in rows) == sorted(KINDS)
    for row in rows:
        assert (row.publisher, row.offer, row.plan, row.term, row.valid_to) == (None, None, None, "", None)
        value = row.value.splitlines() if row.name == "cancel_steps" else row.value
        assert KINDS[row.name].stored(value) == row.value


@pytest.mark.django_db
def test_the_defaults_are_the_documented_ones():
    plan = PlanFactory()

    assert policy_duration("undo_within", plan, NOON) == timedelta(seconds=60)
    assert policy_duration("cancel_within", plan, NOON, "P1M") == timedelta(hours=72)
    assert policy_word("cancel_after_window", plan, NOON) == "at_term_end"
    assert policy_lines("cancel_steps", plan, NOON) == []
    assert policy_threshold("auto_approve", plan, NOON) is None


# Whose row is chosen

# A row speaks about one of these at most; ids of the asked plan, or of another one.
OWN, OTHER = UUID(int=1), UUID(int=2)
NARROWNESS = ["plan_id", "offer_id", "publisher_id", None]


@st.composite
def policy_rows(draw):
    owner = draw(st.sampled_from(NARROWNESS))
    ids = {owner: draw(st.sampled_from([OWN, OTHER]))} if owner else {}
    term = draw(st.sampled_from(["", "P1M", "P1Y"]))
    starts = draw(st.sampled_from(DAYS))
    ends = draw(st.sampled_from([None, *(day for day in DAYS if day > starts)]))
    return Policy(name="cancel_within", term=term, valid_from=starts, valid_to=ends, **ids)


def expected(rows: list[Policy], term: str, at: datetime) -> str | None:
    """The rule, spelled out: go from narrow to wide, the term's rows before those of any term, then the newest."""
    for owner, of_term in product(NARROWNESS, [term, ""]):
        found = [
            row
            for row in rows
            if row.term == of_term
            and row.valid_from <= at
            and (row.valid_to is None or at < row.valid_to)
            and [name for name in NARROWNESS if name and getattr(row, name)] == ([owner] if owner else [])
            and (owner is None or getattr(row, owner) == OWN)
        ]
        if found:
            return max(found, key=lambda row: row.valid_from).value
    return None


@given(st.lists(policy_rows(), max_size=12), st.sampled_from(["", "P1M", "P1Y"]), st.sampled_from(DAYS))
def test_the_narrowest_row_in_force_is_chosen(rows, term, at):
    unique = {}
    for row in rows:
        unique.setdefault((row.plan_id, row.offer_id, row.publisher_id, row.term, row.valid_from), row)
    rows = list(unique.values())
    for number, row in enumerate(rows):
        row.value = f"{number}"
    book, scope = PolicyBook(rows), Scope(OWN, OWN, OWN, term)
    wanted = expected(rows, term, at)

    if wanted is None:
        with pytest.raises(LookupError):
            book.text("cancel_within", scope, at)
    else:
        assert book.text("cancel_within", scope, at) == wanted


@pytest.mark.django_db
def test_one_query_answers_for_several_policies_and_terms(django_assert_num_queries):
    plan = PlanFactory()
    Policy.objects.create(name="cancel_within", value="PT24H", term="P1M", plan=plan, valid_from=LONG_AGO)
    Policy.objects.create(name="cancel_within", value="P9D", plan=PlanFactory(), valid_from=LONG_AGO)

    with django_assert_num_queries(1):
        book = policies_of(plan, "cancel_within", "cancel_steps")

    owners = (plan.pk, plan.offer_id, plan.offer.publisher_id)
    assert book.duration("cancel_within", Scope(*owners, "P1M"), NOON) == timedelta(days=1)
    assert book.duration("cancel_within", Scope(*owners, "P1Y"), NOON) == timedelta(days=3)
    assert book.lines("cancel_steps", HUB, NOON) == []
    with pytest.raises(LookupError, match="no policy reduce_within at 2026-11-23"):
        book.text("reduce_within", HUB, NOON)


# The publisher's file


def with_term_policies(*policies: dict) -> dict:
    """The document with its first terms' policies."""
    document = copy.deepcopy(DOCUMENT)
    terms = document["offers"][0]["plans"][0]["terms"]
    for term, own in zip(terms, policies, strict=False):
        term["policies"] = own
    return document


@pytest.mark.django_db
def test_a_file_gives_policies_to_a_term_and_takes_them_back():
    file = with_term_policies({"cancel_within": "PT24H", "cancel_steps": ["Export the data"]}, {"reduce_within": "P9D"})
    register_publisher(OPERATOR, file, at=NOON)
    team = Plan.objects.get(plan_id="team")
    assert policy_duration("cancel_within", team, NOON, "P1M") == timedelta(hours=24)
    assert policy_duration("cancel_within", team, NOON, "P1Y") == timedelta(days=1)
    assert policy_lines("cancel_steps", team, NOON, "P1M") == ["Export the data"]
    assert policy_duration("reduce_within", team, NOON, "P1Y") == timedelta(days=9)
    assert register_publisher(OPERATOR, file, at=LATER).changes == []

    changes = register_publisher(OPERATOR, DOCUMENT, at=LATER).changes

    path = "offers[esign--prompt].plans[team].terms"
    assert changes == [
        f"{path}[P1M].policies.cancel_steps: Export the data -> nothing",
        f"{path}[P1M].policies.cancel_within: PT24H -> nothing",
        f"{path}[P1Y].policies.reduce_within: P9D -> nothing",
    ]
    assert policy_duration("cancel_within", team, LATER - timedelta(seconds=1), "P1M") == timedelta(hours=24)
    assert policy_duration("cancel_within", team, LATER, "P1M") == timedelta(days=1)


BAD_FILES = [
    ({"cancel_wihtin": "P3D"}, "offers[0].plans[0].terms[0].policies", "'cancel_wihtin' is not a policy"),
    ({"cancel_within": "P1M"}, "offers[0].plans[0].terms[0].policies.cancel_within", "is not an ISO 8601 duration"),
    ({"cancel_within": None}, "offers[0].plans[0].terms[0].policies.cancel_within", "None is not an ISO 8601"),
    ({"undo_within": "PT301S"}, "offers[0].plans[0].terms[0].policies.undo_within", "is not between"),
    ({"silence_means": "no"}, "offers[0].plans[0].terms[0].policies.silence_means", "is not one of accept, refuse"),
    ({"cancel_steps": "One"}, "offers[0].plans[0].terms[0].policies.cancel_steps", "is not a list of sentences"),
    ({"auto_approve": "10%"}, "offers[0].plans[0].terms[0].policies.auto_approve", "is neither off nor"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("policies", "field", "problem"), BAD_FILES)
def test_a_bad_policy_in_a_file_is_refused_by_its_path_and_changes_nothing(policies, field, problem):
    before = rows_of_everybody()

    with pytest.raises(InvalidInput) as refusal:
        register_publisher(OPERATOR, with_term_policies(policies), at=NOON)

    assert refusal.value.values["field"] == field
    assert problem in refusal.value.values["problem"]
    assert (rows_of_everybody(), Plan.objects.count(), Event.objects.count()) == (before, 0, 0)


@pytest.mark.django_db
def test_two_billing_cycles_of_a_term_cannot_differ_in_a_policy():
    file = with_term_policies({}, {"cancel_within": "P2D"})
    terms = file["offers"][0]["plans"][0]["terms"]
    terms.append({**terms[1], "billing_cycle": "monthly", "policies": {"cancel_within": "P5D"}})

    with pytest.raises(InvalidInput) as refusal:
        register_publisher(OPERATOR, file, at=NOON)

    assert refusal.value.values["field"] == "offers[0].plans[0].terms[2].policies.cancel_within"
    assert Plan.objects.count() == 0


# Packs


def hub_rows(name: str) -> list[tuple]:
    rows = Policy.objects.filter(name=name, publisher=None, offer=None, plan=None).order_by("term", "valid_from")
    return list(rows.values_list("term", "value", "valid_from", "valid_to"))


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_holds_values_of_their_kind_for_the_same_policies(pack):
    names = {"cancel_within", "reduce_within", "cancel_after_window", "multi_year_locked"}

    assert set(PACKS[pack][""]) == names
    for values in PACKS[pack].values():
        assert set(values) <= names
        assert all(KINDS[name].stored(value) == value for name, value in values.items())


@pytest.mark.django_db
def test_a_pack_writes_dated_rows_once_and_is_on_record():
    changes = apply_policy_pack(OPERATOR, "24h-14d", at=NOON)

    assert changes == [
        "policies.cancel_within: P3D -> P14D",
        "policies.reduce_within: P7D -> P14D",
        "terms[P1M].policies.cancel_within: nothing -> PT24H",
        "terms[P1M].policies.reduce_within: nothing -> PT24H",
    ]
    assert hub_rows("cancel_within") == [
        ("", "P3D", datetime(2020, 1, 1, tzinfo=UTC), NOON),
        ("", "P14D", NOON, None),
        ("P1M", "PT24H", NOON, None),
    ]
    assert Event.objects.get(name="hub.policies_changed").data == {
        "pack": "24h-14d",
        "from": NOON.isoformat(),
        "changes": changes,
    }
    before = rows_of_everybody()
    assert apply_policy_pack(OPERATOR, "24h-14d", at=LATER) == []
    assert (rows_of_everybody(), Event.objects.count()) == (before, 1)


@pytest.mark.django_db
def test_a_pack_replaces_another_with_its_rows_of_terms():
    apply_policy_pack(OPERATOR, "24h-14d", at=NOON)

    changes = apply_policy_pack(OPERATOR, "7d", at=LATER)

    assert changes == [
        "policies.cancel_within: P14D -> P7D",
        "policies.reduce_within: P14D -> P7D",
        "terms[P1M].policies.cancel_within: PT24H -> nothing",
        "terms[P1M].policies.reduce_within: PT24H -> nothing",
    ]
    plan = PlanFactory()
    assert policy_duration("cancel_within", plan, LATER - timedelta(seconds=1), "P1M") == timedelta(hours=24)
    assert policy_duration("cancel_within", plan, LATER, "P1M") == timedelta(days=7)


@pytest.mark.django_db
def test_a_pack_that_begins_later_leaves_no_gap_and_gives_way_to_what_comes_before_it():
    starts = datetime(2027, 1, 1, tzinfo=UTC)
    apply_policy_pack(OPERATOR, "7d", starts=starts, at=NOON)
    assert apply_policy_pack(OPERATOR, "7d", starts=starts, at=LATER) == []
    plan = PlanFactory()
    assert policy_duration("cancel_within", plan, starts - timedelta(seconds=1)) == timedelta(days=3)
    assert policy_duration("cancel_within", plan, starts) == timedelta(days=7)

    apply_policy_pack(OPERATOR, "24h-14d", at=LATER)

    assert policy_duration("cancel_within", plan, starts) == timedelta(days=14)
    assert [row[1:] for row in hub_rows("cancel_within")] == [
        ("P3D", datetime(2020, 1, 1, tzinfo=UTC), LATER),
        ("P14D", LATER, None),
        ("PT24H", LATER, None),
    ]


@pytest.mark.django_db
def test_a_pack_of_one_publisher_leaves_the_others_alone():
    ours, theirs = PlanFactory(), PlanFactory()
    name = ours.offer.publisher.name

    changes = apply_policy_pack(OPERATOR, "7d", publisher=name, at=NOON)

    assert changes[:2] == [
        "policies.cancel_after_window: nothing -> at_term_end",
        "policies.cancel_within: nothing -> P7D",
    ]
    assert policy_duration("cancel_within", ours, NOON, "P3Y") == timedelta(days=7)
    assert policy_duration("cancel_within", theirs, NOON, "P3Y") == timedelta(days=3)
    assert Event.objects.get().name == "publisher.changed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("by", "given", "refusal"),
    [
        (OPERATOR, {"pack": "5d"}, InvalidInput),
        (OPERATOR, {"pack": "7d", "publisher": "Nobody"}, NotFound),
        (OPERATOR, {"pack": "7d", "starts": NOON - timedelta(seconds=1)}, InvalidInput),
        (actor(Role.ADMIN_AGENT), {"pack": "7d"}, NotPermitted),
    ],
)
def test_a_pack_that_cannot_be_applied_changes_nothing(by, given, refusal):
    before = rows_of_everybody()

    with pytest.raises(refusal):
        apply_policy_pack(by, given.pop("pack"), **given, at=NOON)

    assert (rows_of_everybody(), Event.objects.count()) == (before, 0)


@pytest.mark.django_db
def test_the_command_prints_what_changed(capsys):
    publisher = PublisherFactory(name="Northwind")

    call_command("apply_policy_pack", "72h", publisher="Northwind")
    call_command("apply_policy_pack", "72h", publisher="Northwind")

    assert capsys.readouterr().out.splitlines() == [
        "policies.cancel_after_window: nothing -> by_agreement",
        "policies.cancel_within: nothing -> P3D",
        "policies.multi_year_locked: nothing -> yes",
        "policies.reduce_within: nothing -> P7D",
        "Nothing to change.",
    ]
    assert publisher.policies.count() == 4


@pytest.mark.django_db
def test_the_command_refuses_in_one_sentence():
    with pytest.raises(CommandError, match=r"There is no publisher Nobody\. Nothing was changed\."):
        call_command("apply_policy_pack", "72h", publisher="Nobody")
    with pytest.raises(CommandError, match="2020-01-01 is in the past"):
        call_command("apply_policy_pack", "72h", "--from", "2020-01-01")
