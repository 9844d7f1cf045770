"""The shape of a `register_publisher` file, checked before anything is written (docs/publishers.md)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from partnerhub.errors import InvalidInput
from publishers.models import Adapter, BillingCycle, Pricing, Term
from publishers.policy_kinds import KINDS
from publishers.services.members import Members, refusal
from publishers.setup_questions import CHOICE, LONGEST_LABEL, MOST_CHOICES, MOST_QUESTIONS, QUESTION_KINDS

IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}"
QUESTION_KEY = r"[a-z][a-z0-9_]{0,39}"
AMOUNT = re.compile(r"[0-9]{1,7}(\.[0-9]{1,4})?")
# What a charge can hold: 14 digits, 4 of them after the point.
LARGEST_CHARGE = Decimal(10) ** 10
LARGEST_QUANTITY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TermPart:
    """One way to buy a plan; `prices` by currency, `policies` of its term whatever the billing cycle."""

    path: str
    term: str
    billing_cycle: str
    prices: dict[str, Decimal]
    policies: dict[str, str]


@dataclass(frozen=True, slots=True)
class PlanPart:
    path: str
    plan_id: str
    title: str
    description: str
    pricing: str
    min_quantity: int
    max_quantity: int
    trial_days: int
    setup_questions: list[dict[str, Any]]
    terms: list[TermPart]
    policies: dict[str, str]

    def policies_by_term(self) -> dict[str, dict[str, str]]:
        """Its own under a blank term, then those of each term; terms that differ in their cycle alone are one."""
        by_term = {"": self.policies}
        for term in self.terms:
            by_term.setdefault(term.term, {}).update(term.policies)
        return by_term


@dataclass(frozen=True, slots=True)
class OfferPart:
    path: str
    offer_id: str
    title: str
    description: str
    countries: list[str]
    one_per_customer: bool
    plans: list[PlanPart]
    policies: dict[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file. Credentials that it leaves out are kept or made; `ignored` are members nobody knows."""

    name: str
    adapter: str
    fulfillment_base_url: str
    landing_url: str
    webhook_url: str
    tenant_id: UUID | None
    client_id: UUID | None
    client_secret: str | None
    contact_email: str
    max_concurrency: int
    max_per_second: int | None
    offers: list[OfferPart]
    policies: dict[str, str]
    ignored: list[str]


def read_document(value: object) -> Document:
    """Check the shape of a parsed file. Raises InvalidInput for the first member that does not fit, by its path."""
    members = Members(value)
    document = Document(
        name=members.text("name", 200),
        adapter=members.word("adapter", Adapter.values),
        fulfillment_base_url=members.text("fulfillment_base_url", 500, required=False).rstrip("/"),
        landing_url=members.text("landing_url", 500),
        webhook_url=members.text("webhook_url", 500, required=False),
        tenant_id=members.uuid("tenant_id"),
        client_id=members.uuid("client_id"),
        client_secret=members.secret("client_secret", 200),
        contact_email=_email(members),
        max_concurrency=members.whole("max_concurrency", 1, 1000, default=20),
        max_per_second=members.whole("max_per_second", 1, 1000, default=0) or None,
        offers=[_offer(offer) for offer in members.objects("offers")],
        policies=_policies(members),
        ignored=members.ignored,
    )
    members.done()
    _check_addresses_fit(document)
    _check_once("offers", [(offer.path, offer.offer_id) for offer in document.offers])
    return document


def _email(members: Members) -> str:
    email = members.text("contact_email", 254, required=False)
    try:
        if email:
            validate_email(email)
    except ValidationError:
        raise refusal(members.at("contact_email"), email, "is not an e-mail address") from None
    return email


def _check_addresses_fit(document: Document) -> None:
    if "#" in document.landing_url:
        raise refusal("landing_url", document.landing_url, "holds a #, behind which no token would reach the publisher")
    if document.adapter != Adapter.PUSH and not document.fulfillment_base_url:
        raise InvalidInput(
            field="fulfillment_base_url",
            problem=f"it is missing: a publisher that is {document.adapter} is polled there.",
        )
    if set(document.fulfillment_base_url) & set("?#"):
        raise refusal("fulfillment_base_url", document.fulfillment_base_url, "holds a ? or #: paths are added to it")


def _offer(members: Members) -> OfferPart:
    part = OfferPart(
        path=members.path,
        offer_id=members.matching("offer_id", IDENTIFIER, "an id of letters, digits, dots, dashes and underscores"),
        title=members.text("title", 200),
        description=members.text("description", 5000, required=False),
        countries=_countries(members),
        one_per_customer=members.flag("one_per_customer"),
        plans=[_plan(plan) for plan in members.objects("plans")],
        policies=_policies(members),
    )
    members.done()
    _check_once(members.at("plans"), [(plan.path, plan.plan_id) for plan in part.plans])
    return part


def _countries(members: Members) -> list[str]:
    countries = members.entries("countries", required=False)
    for place, country in enumerate(countries):
        if not isinstance(country, str) or not re.fullmatch(r"[A-Z]{2}", country):
            raise refusal(f"{members.at('countries')}[{place}]", country, "is not a country code of two capitals")
    return sorted(set(countries))


def _plan(members: Members) -> PlanPart:
    lowest = members.whole("min_quantity", 1, LARGEST_QUANTITY)
    part = PlanPart(
        path=members.path,
        plan_id=members.matching("plan_id", IDENTIFIER, "an id of letters, digits, dots, dashes and underscores"),
        title=members.text("title", 200),
        description=members.text("description", 5000, required=False),
        pricing=members.word("pricing", Pricing.values),
        min_quantity=lowest,
        max_quantity=members.whole("max_quantity", lowest, LARGEST_QUANTITY),
        trial_days=members.whole("trial_days", 0, 730, default=0),
        setup_questions=_questions(members),
        terms=[_term(term) for term in members.objects("terms")],
        policies=_policies(members),
    )
    members.done()
    _check_once(members.at("terms"), [(term.path, f"{term.term} {term.billing_cycle}") for term in part.terms])
    for term in part.terms:
        _check_chargeable(part, term)
    _check_terms_agree(part)
    return part


def _questions(members: Members) -> list[dict[str, Any]]:
    path = members.at("setup_questions")
    entries = members.entries("setup_questions", required=False)
    if len(entries) > MOST_QUESTIONS:
        raise refusal(path, len(entries), f"are more than {MOST_QUESTIONS} questions")
    parts = [Members(entry, f"{path}[{place}]", members.ignored) for place, entry in enumerate(entries)]
    questions = [_question(part) for part in parts]
    _check_once(path, [(part.path, question["key"]) for part, question in zip(parts, questions, strict=True)])
    return questions


def _question(members: Members) -> dict[str, Any]:
    kind = members.word("kind", QUESTION_KINDS)
    question = {
        "key": members.matching("key", QUESTION_KEY, "a key of small letters, digits and underscores"),
        "kind": kind,
        "label": members.text("label", LONGEST_LABEL),
        "labels": _labels(members),
        "required": members.flag("required"),
        "choices": _choices(members) if kind == CHOICE else [],
    }
    members.done()
    return question


def _labels(members: Members) -> dict[str, str]:
    labels = Members(members.mapping("labels", required=False), members.at("labels"), members.ignored)
    given = {code: labels.text(code, LONGEST_LABEL, required=False) for code, _name in settings.LANGUAGES}
    labels.done()
    return {code: label for code, label in given.items() if label}


def _choices(members: Members) -> list[str]:
    path, entries = members.at("choices"), members.entries("choices")
    if not 1 <= len(entries) <= MOST_CHOICES or len(set(map(str, entries))) != len(entries):
        raise refusal(path, entries, f"are not 1 to {MOST_CHOICES} different choices")
    for place, entry in enumerate(entries):
        if not (isinstance(entry, str) and entry.isprintable() and 1 <= len(entry.strip()) <= LONGEST_LABEL):
            raise refusal(f"{path}[{place}]", entry, f"is not a line of 1 to {LONGEST_LABEL} characters")
    return [entry.strip() for entry in entries]


def _check_terms_agree(plan: PlanPart) -> None:
    """A policy belongs to a term whatever the billing cycle, so two cycles of one term cannot differ in it."""
    said: dict[tuple[str, str], str] = {}
    for term in plan.terms:
        for name, value in term.policies.items():
            other = said.setdefault((term.term, name), value)
            if other != value:
                raise refusal(f"{term.path}.policies.{name}", value, f"is not {other}, as {term.term} has it above")


def _check_chargeable(plan: PlanPart, term: TermPart) -> None:
    licences = plan.max_quantity if plan.pricing == Pricing.PER_USER else 1
    for currency, amount in term.prices.items():
        if amount * licences >= LARGEST_CHARGE:
            path = f"{term.path}.prices.{currency}"
            raise refusal(path, str(amount), f"for {licences} licences is more than one charge can hold")


def _term(members: Members) -> TermPart:
    part = TermPart(
        path=members.path,
        term=members.word("term", Term.values),
        billing_cycle=members.word("billing_cycle", BillingCycle.values),
        prices=_prices(members),
        policies=_policies(members),
    )
    members.done()
    if part.term == Term.P1M and part.billing_cycle == BillingCycle.ANNUAL:
        raise refusal(members.at("billing_cycle"), part.billing_cycle, "is longer than the term P1M (rule 72)")
    return part


def _prices(members: Members) -> dict[str, Decimal]:
    path = members.at("prices")
    prices = members.mapping("prices")
    if not prices:
        raise refusal(path, prices, "holds no price, so nobody could buy this")
    return {_currency(path, currency): _amount(f"{path}.{currency}", amount) for currency, amount in prices.items()}


def _currency(path: str, currency: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise refusal(path, currency, "is not a currency code of three capitals")
    return currency


def _amount(path: str, value: Any) -> Decimal:
    text = "" if isinstance(value, bool) else str(value)
    if not AMOUNT.fullmatch(text):
        raise refusal(path, value, "is not a price from 0 to 9999999.9999 with at most four decimals")
    return Decimal(text)


def _policies(members: Members) -> dict[str, str]:
    path = members.at("policies")
    policies = members.mapping("policies", required=False)
    for name in policies:
        if name not in KINDS:
            raise refusal(path, name, f"is not a policy; there are {', '.join(KINDS)}")
    return {name: _stored(f"{path}.{name}", name, value) for name, value in policies.items()}


def _stored(path: str, name: str, value: Any) -> str:
    try:
        return KINDS[name].stored(value)
    except ValueError as problem:
        raise refusal(path, value, str(problem)) from None


def _check_once(path: str, entries: list[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for place, key in entries:
        if key in seen:
            raise refusal(path, key, f"stands there twice, as {seen[key]} and {place}")
        seen[key] = place
