"""A publisher as the document that would register it: the beginning of a change."""

from collections.abc import Iterable
from typing import Any

from publishers.models import Offer, Plan, PlanTerm, Policy, Publisher
from publishers.policy_kinds import KINDS, Lines
from publishers.services.register import PLAIN_MEMBERS, written_price


def document_of(publisher: Publisher) -> dict[str, Any]:
    """What is on sale now, at today's prices and policies, without secrets. Registering it again changes nothing.

    Policies of a publisher or an offer for one term alone have no place in a document and are left out.
    """
    members = {name: value for name in PLAIN_MEMBERS if (value := getattr(publisher, name)) not in ("", None)}
    offers = publisher.offers.filter(withdrawn_at=None).order_by("offer_id")
    whole = offers.prefetch_related("policies", "plans__policies", "plans__terms__prices")
    return {
        "name": publisher.name,
        **members,
        "tenant_id": str(publisher.client.tenant_id),
        "client_id": str(publisher.client_id),
        "offers": [_offer(offer) for offer in whole],
        **_policies(publisher.policies.all()),
    }


def _offer(offer: Offer) -> dict[str, Any]:
    plans = sorted((plan for plan in offer.plans.all() if plan.withdrawn_at is None), key=lambda plan: plan.sku_id)
    return {
        "offer_id": offer.offer_id,
        "title": offer.title,
        **_given(description=offer.description, countries=offer.countries, one_per_customer=offer.one_per_customer),
        "plans": [_plan(plan) for plan in plans],
        **_policies(offer.policies.all()),
    }


def _plan(plan: Plan) -> dict[str, Any]:
    terms = sorted((term for term in plan.terms.all() if term.withdrawn_at is None), key=str)
    return {
        "plan_id": plan.plan_id,
        "title": plan.title,
        **_given(description=plan.description, trial_days=plan.trial_days),
        "pricing": plan.pricing,
        "min_quantity": plan.min_quantity,
        "max_quantity": plan.max_quantity,
        **_given(setup_questions=[_question(question) for question in plan.setup_questions]),
        "terms": [_term(term, plan.policies.all()) for term in terms],
        **_policies(plan.policies.all()),
    }


def _question(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if value}


def _term(term: PlanTerm, policies: Iterable[Policy]) -> dict[str, Any]:
    prices = sorted((row.currency, row.amount) for row in term.prices.all() if row.valid_to is None)
    return {
        "term": term.term,
        "billing_cycle": term.billing_cycle,
        "prices": {currency: written_price(amount, currency) for currency, amount in prices},
        **_policies(policies, term.term),
    }


def _policies(rows: Iterable[Policy], term: str = "") -> dict[str, Any]:
    standing = {row.name: _value(row) for row in rows if row.valid_to is None and row.term == term}
    return {"policies": dict(sorted(standing.items()))} if standing else {}


def _value(row: Policy) -> str | list[str]:
    return row.value.splitlines() if isinstance(KINDS.get(row.name), Lines) else row.value


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}
