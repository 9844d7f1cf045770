"""Importing customers and resellers from a file: a job that is planned, looked at, and then applied row by row.

A row is found by its key (domain, PartnerID). A missing column or an empty cell leaves a value as it is; `-` empties
it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.policy import Action, Actor, authorize_for_all
from customers.forms import CustomerFields, NewResellerForm, customer_values, reseller_values
from customers.models import Customer, IndirectReseller
from customers.services.customers import PROFILE_FIELDS, change_customer, create_customer
from customers.services.resellers import change_reseller, create_reseller, stream_of
from partnerhub.errors import ImportIncomplete, NotFound, RepeatedRow, RowTooLong, RowUnfit
from partnerhub.jobs.enums import LEFT_ROWS, RowStatus
from partnerhub.jobs.kinds import Now, Planned, Telling, register
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.services import Order, Wanted, create_job
from partnerhub.web.forms import RefusableForm
from partnerhub.web.uploads import Line

MOST_ROWS = 5_000
EMPTY = "-"
CUSTOMER_COLUMNS = ("domain", *(name for name in PROFILE_FIELDS if name != "domain"), "partner_id")
RESELLER_COLUMNS = ("partner_id", "name", "country", "agreement_signed_on")


@dataclass(frozen=True, slots=True)
class Found:
    """A row that is there already: its id, its version and its values as its form shows them."""

    id: Any
    version: int
    values: dict[str, str]


FormT = TypeVar("FormT", bound=RefusableForm)


class Import(ABC, Generic[FormT]):
    """What both kinds of import share; a subclass knows how to find, check and save one row."""

    name: str
    noun: str
    key: str
    columns: tuple[str, ...]

    def authorize(self, actor: Actor, job: Job) -> None:
        """Besides the role: where all rows or none were asked for, a plan with a refused row cannot be confirmed."""
        authorize_for_all(actor, Action.CUSTOMER_MANAGE)
        if job.asked["all_or_none"] and (refused := job.rows.filter(status=RowStatus.REFUSED).count()):
            raise ImportIncomplete(count=refused)

    def plan(self, actor: Actor, row: JobRow, *, at: datetime) -> Planned:
        found = self.find(row.asked[self.key])
        with transaction.atomic():
            saved = self.save(actor, row.asked, found, at)
            transaction.set_rollback(True)
        before = found.values if found else {}
        changed = [name for name in self.columns if saved[name] != before.get(name, "")]
        plan = {
            "version": found.version if found else None,
            "before": {name: before[name] for name in changed} if found else None,
            "after": {name: saved[name] for name in changed},
        }
        return Planned(plan, changes=bool(changed))

    def apply(self, actor: Actor, row: JobRow, *, at: datetime) -> dict[str, Any]:
        is_new = row.plan["before"] is None
        if is_new:
            self.save(actor, row.asked, None, at)
        found = self.find(row.asked[self.key])
        if found is None:
            raise NotFound(what=self.noun, id=row.asked[self.key])
        if not is_new:
            self.save(actor, row.asked, replace(found, version=row.plan["version"]), at)
        return {"id": str(found.id)}

    def phrase(self, job: Job) -> str:
        return ""

    def is_final(self, job: Job) -> bool:
        return False

    def summary(self, job: Job) -> Sequence[str]:
        planned = job.rows.filter(status__in=[RowStatus.PENDING, RowStatus.RUNNING, RowStatus.DONE])
        new = planned.filter(plan__before=None).count()
        told = [_("New: {new} · changed: {changed}").format(new=new, changed=planned.count() - new)]
        if job.asked["all_or_none"]:
            told.append(_("All rows or none: while one row is refused, the plan cannot be confirmed."))
        return told

    def tell(self, row: JobRow) -> Telling:
        before, after = row.plan.get("before") or {}, row.plan.get("after", {})
        labels = self.form({}, row.job.created_at).fields
        changed = (name for name in self.columns if name in after)
        lines = [Now(str(labels[name].label), before.get(name, ""), after[name]) for name in changed]
        return Telling(self.url(row), lines, self._notes(row))

    def _notes(self, row: JobRow) -> list[str]:
        """What does not fit, column by column, in the reader's language."""
        if row.code != RowUnfit.code:
            return []
        form = self.form(self.texts(row.asked, None), row.job.created_at)
        unfit = str(row.values.get("fields", "")).split(", ")
        return [f"{form[name].label}: {problem}" for name in unfit for problem in form.errors.get(name, [])]

    def again(self, actor: Actor, job: Job, *, at: datetime) -> Job:
        left = job.rows.filter(status__in=LEFT_ROWS).exclude(code=RepeatedRow.code).order_by("number")
        rows = [Wanted(row.subject_id, row.subject, row.asked, row.owner) for row in left]
        return create_job(actor, Order(self, job.asked, rows), at=at)

    def texts(self, cells: dict[str, str], found: Found | None) -> dict[str, str]:
        """What the form is given: the file's cells over what is there already, or over what a new one starts with."""
        given = {name: "" if text == EMPTY else text for name, text in cells.items() if text}
        return {**(found.values if found else {"language": "en"}), **given}

    def checked(self, cells: dict[str, str], found: Found | None, at: datetime) -> FormT:
        """The valid form of a row. Raises RowUnfit, which names the columns that do not fit."""
        form = self.form(self.texts(cells, found), at)
        if not form.is_valid():
            raise RowUnfit(fields=", ".join(form.errors))
        return form

    @abstractmethod
    def title(self, job: Job) -> str: ...
    @abstractmethod
    def button(self, job: Job, rows: int) -> str: ...
    @abstractmethod
    def headings(self) -> tuple[str, str]: ...
    @abstractmethod
    def url(self, row: JobRow) -> str:
        """Where what the row concerns is, without a query; empty while there is none."""

    @abstractmethod
    def subject_ids(self, keys: list[str]) -> dict[str, UUID]:
        """What rows with these keys concern already, by key: at most one row of a job may concern it."""

    @abstractmethod
    def form(self, texts: dict[str, str], at: datetime) -> FormT:
        """The form that an agent would fill in, with a row's texts."""

    @abstractmethod
    def find(self, key: str) -> Found | None:
        """The row that has the key already."""

    @abstractmethod
    def save(self, actor: Actor, cells: dict[str, str], found: Found | None, at: datetime) -> dict[str, str]:
        """Create or change the row by its service; its values afterwards, as its form shows them."""


class CustomerImport(Import[CustomerFields]):
    """The kind of job that adds and changes customers; the domain says which."""

    name, noun, key, columns = "customers.import", "customer", "domain", CUSTOMER_COLUMNS

    def title(self, job: Job) -> str:
        return _("Import customers")

    def button(self, job: Job, rows: int) -> str:
        return ngettext("Import %(n)d customer", "Import %(n)d customers", rows) % {"n": rows}

    def headings(self) -> tuple[str, str]:
        return _("Domain"), _("Customer")

    def url(self, row: JobRow) -> str:
        customer_id = row.result.get("id") or row.subject_id
        return reverse("customers:account", args=[customer_id]) if customer_id else ""

    def subject_ids(self, keys: list[str]) -> dict[str, UUID]:
        there = Customer.objects.annotate(key=Lower("domain")).filter(key__in=keys)
        return dict(there.values_list("key", "pk"))

    def form(self, texts: dict[str, str], at: datetime) -> CustomerFields:
        return CustomerFields(texts)

    def find(self, key: str) -> Found | None:
        customer = Customer.objects.filter(domain__iexact=key).first()
        return Found(customer.pk, customer.version, customer_values(customer)) if customer else None

    def save(self, actor: Actor, cells: dict[str, str], found: Found | None, at: datetime) -> dict[str, str]:
        form = self.checked(cells, found, at)
        profile, partner_id = form.profile(), form.cleaned_data["partner_id"]
        if found is None:
            return customer_values(create_customer(actor, profile, partner_id=partner_id, at=at))
        version = found.version
        changed = change_customer(actor, found.id, profile, partner_id=partner_id, version=version, at=at)
        return customer_values(changed)


class ResellerImport(Import[NewResellerForm]):
    """The kind of job that adds and changes indirect resellers; the PartnerID says which."""

    name, noun, key, columns = "resellers.import", "reseller", "partner_id", RESELLER_COLUMNS

    def title(self, job: Job) -> str:
        return _("Import resellers")

    def button(self, job: Job, rows: int) -> str:
        return ngettext("Import %(n)d reseller", "Import %(n)d resellers", rows) % {"n": rows}

    def headings(self) -> tuple[str, str]:
        return _("PartnerID"), _("Indirect reseller")

    def url(self, row: JobRow) -> str:
        there = row.result.get("id") or row.plan.get("before") is not None
        return reverse("resellers:detail", args=[row.asked[self.key]]) if there else ""

    def subject_ids(self, keys: list[str]) -> dict[str, UUID]:
        return {key: stream_of(key) for key in keys if key}

    def form(self, texts: dict[str, str], at: datetime) -> NewResellerForm:
        return NewResellerForm(texts, at=at)

    def find(self, key: str) -> Found | None:
        reseller = IndirectReseller.objects.filter(pk=key).first()
        return Found(key, reseller.version, _with_id(reseller)) if reseller else None

    def save(self, actor: Actor, cells: dict[str, str], found: Found | None, at: datetime) -> dict[str, str]:
        form = self.checked(cells, found, at)
        partner_id, known = form.cleaned_data["partner_id"], form.known()
        if found is None:
            return _with_id(create_reseller(actor, partner_id=partner_id, at=at, **known))
        return _with_id(change_reseller(actor, partner_id, version=found.version, at=at, **known))


CUSTOMERS, RESELLERS = CustomerImport(), ResellerImport()
register(CUSTOMERS)
register(RESELLERS)


def plan_import(actor: Actor, kind: Import[Any], lines: list[Line], *, all_or_none: bool, at: datetime) -> Job:
    """Plan what a file asks for; each of its lines is a row of the plan. Raises what `create_job` raises."""
    return create_job(actor, Order(kind, {"all_or_none": all_or_none}, list(_wanted(kind, lines))), at=at)


def values_now(kind: Import[Any]) -> Iterator[list[str]]:
    """The lines, under the columns of the import, of a file that changes nothing yet."""
    rows: Iterator[dict[str, str]]
    if kind is CUSTOMERS:
        rows = map(customer_values, Customer.objects.order_by("name", "pk").iterator(chunk_size=500))
    else:
        rows = map(_with_id, IndirectReseller.objects.order_by("name", "pk").iterator(chunk_size=500))
    return ([row[name] for name in kind.columns] for row in rows)


def _wanted(kind: Import[Any], lines: list[Line]) -> Iterator[Wanted]:
    first: dict[str, int] = {}
    there = kind.subject_ids([line.cells.get(kind.key, "").lower() for line in lines])
    for number, line in enumerate(lines, start=1):
        key = line.cells.get(kind.key, "").lower()
        asked = {**line.cells, kind.key: key}
        owner = line.cells.get("name", "")
        if key and key in first:
            yield Wanted(None, key, asked, owner, refusal=RepeatedRow(row=first[key]))
            continue
        first[key] = number
        refusal = RowTooLong(surplus=line.surplus) if line.surplus else None
        yield Wanted(there.get(key), key or "–", asked, owner, refusal=refusal)


def _with_id(reseller: IndirectReseller) -> dict[str, str]:
    return {"partner_id": reseller.pk, **reseller_values(reseller)}
