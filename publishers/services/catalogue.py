"""Writing a publisher's catalogue as its file says: what is new is added, what vanished is withdrawn, never deleted."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from partnerhub.errors import OverlappingPrice
from publishers.identifiers import availability_id, next_sku_id, product_id
from publishers.models import Offer, Plan, PlanTerm, Price, Publisher
from publishers.services.changes import Changes
from publishers.services.document import OfferPart, PlanPart, TermPart
from publishers.services.members import refusal
from publishers.services.policies import write_policies

Sellable = Offer | Plan | PlanTerm


def write_catalogue(publisher: Publisher, parts: Iterable[OfferPart], changes: Changes, at: datetime) -> None:
    """Bring every offer, plan, term, price and policy to what `parts` say. Raises InvalidInput, OverlappingPrice."""
    offers = publisher.offers.prefetch_related("plans__terms__prices", "plans__policies", "policies")
    known = {offer.offer_id: offer for offer in offers}
    for part in parts:
        offer = known.pop(part.offer_id, None)
        path = f"offers[{part.offer_id}]"
        if offer is None:
            offer = _create_offer(publisher, part)
            changes.append(f"{path}: added")
        _write_offer(offer, part, path, changes, at)
    _withdraw({f"offers[{name}]": offer for name, offer in known.items()}, changes, at)


def _create_offer(publisher: Publisher, part: OfferPart) -> Offer:
    return Offer.objects.create(
        publisher=publisher,
        offer_id=part.offer_id,
        product_id=product_id(publisher.name, part.offer_id),
        title=part.title,
        description=part.description,
        countries=part.countries,
        one_per_customer=part.one_per_customer,
    )


def _write_offer(offer: Offer, part: OfferPart, path: str, changes: Changes, at: datetime) -> None:
    values = {
        "title": part.title,
        "description": part.description,
        "countries": part.countries,
        "one_per_customer": part.one_per_customer,
    }
    changes.assign(offer, f"{path}.", values)
    _sell_again(offer, path, changes)
    write_policies({"offer": offer}, offer.policies.all(), {"": part.policies}, f"{path}.", changes, at)
    known = {plan.plan_id: plan for plan in offer.plans.all()}
    sku_ids = [plan.sku_id for plan in known.values()]
    for plan_part in part.plans:
        plan = known.pop(plan_part.plan_id, None)
        plan_path = f"{path}.plans[{plan_part.plan_id}]"
        if plan is None:
            plan = _create_plan(offer, plan_part, next_sku_id(sku_ids))
            sku_ids.append(plan.sku_id)
            changes.append(f"{plan_path}: added")
        _write_plan(plan, plan_part, plan_path, changes, at)
    _withdraw({f"{path}.plans[{name}]": plan for name, plan in known.items()}, changes, at)


def _create_plan(offer: Offer, part: PlanPart, sku_id: str) -> Plan:
    return Plan.objects.create(
        offer=offer,
        plan_id=part.plan_id,
        sku_id=sku_id,
        title=part.title,
        description=part.description,
        pricing=part.pricing,
        min_quantity=part.min_quantity,
        max_quantity=part.max_quantity,
        trial_days=part.trial_days,
        setup_questions=part.setup_questions,
    )


def _write_plan(plan: Plan, part: PlanPart, path: str, changes: Changes, at: datetime) -> None:
    for name in ("pricing", "trial_days"):
        # Rule 73; whoever bought the plan would be charged by another rule than the one they saw.
        old, new = getattr(plan, name), getattr(part, name)
        if old != new:
            raise refusal(f"{part.path}.{name}", new, f"cannot replace {old}: add another plan instead")
    values = {
        "title": part.title,
        "description": part.description,
        "min_quantity": part.min_quantity,
        "max_quantity": part.max_quantity,
        "setup_questions": part.setup_questions,
    }
    changes.assign(plan, f"{path}.", values)
    _sell_again(plan, path, changes)
    write_policies({"plan": plan}, plan.policies.all(), part.policies_by_term(), f"{path}.", changes, at)
    known = {(term.term, term.billing_cycle): term for term in plan.terms.all()}
    for term_part in part.terms:
        term = known.pop((term_part.term, term_part.billing_cycle), None)
        term_path = f"{path}.terms[{term_part.term} {term_part.billing_cycle}]"
        if term is None:
            term = _create_term(plan, term_part)
            changes.append(f"{term_path}: added")
        _sell_again(term, term_path, changes)
        _write_prices(term, term_part.prices, f"{term_path}.prices.", changes, at)
    _withdraw({f"{path}.terms[{term}]": term for term in known.values()}, changes, at)


def _create_term(plan: Plan, part: TermPart) -> PlanTerm:
    offer = plan.offer
    identifier = availability_id(offer.publisher.name, offer.offer_id, plan.plan_id, part.term, part.billing_cycle)
    return PlanTerm.objects.create(
        plan=plan, term=part.term, billing_cycle=part.billing_cycle, availability_id=identifier
    )


def _write_prices(term: PlanTerm, prices: Mapping[str, Decimal], path: str, changes: Changes, at: datetime) -> None:
    """A changed price ends at `at` and another row begins there: who bought before keeps the row they bought at."""
    rows = list(term.prices.all())
    current = {row.currency: row for row in rows if row.valid_to is None}
    added = []
    for currency in sorted({*current, *prices}):
        old, amount = current.get(currency), prices.get(currency)
        if old and old.amount == amount:
            continue
        _check_nothing_later([row for row in rows if row.currency == currency], at)
        changes.append(f"{path}{currency}: {old.amount.normalize():f} -> " if old else f"{path}{currency}: nothing -> ")
        changes[-1] += "nothing" if amount is None else f"{amount.normalize():f}"
        if old:
            old.valid_to = at
            old.save(update_fields=["valid_to"])
        if amount is not None:
            added.append(Price(plan_term=term, currency=currency, amount=amount, valid_from=at))
    Price.objects.bulk_create(added)


def _check_nothing_later(rows: Iterable[Price], at: datetime) -> None:
    for row in rows:
        if row.valid_from > at or (row.valid_to and row.valid_to > at):
            raise OverlappingPrice(currency=row.currency, valid_from=row.valid_from.strftime("%Y-%m-%d %H:%M UTC"))


def _withdraw(rows: Mapping[str, Sellable], changes: Changes, at: datetime) -> None:
    for path, row in rows.items():
        if row.withdrawn_at is None:
            row.withdrawn_at = at
            row.save(update_fields=["withdrawn_at"])
            changes.append(f"{path}: withdrawn")


def _sell_again(row: Sellable, path: str, changes: Changes) -> None:
    if row.withdrawn_at is not None:
        row.withdrawn_at = None
        row.save(update_fields=["withdrawn_at"])
        changes.append(f"{path}: sold again")
