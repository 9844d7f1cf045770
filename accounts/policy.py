"""Who may do what. Data: the pages, the docs and the tests are generated from GRANTS."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from partnerhub.errors import ConcernsEveryCustomer, NotPermitted


class Role(StrEnum):
    ADMIN_AGENT = "admin_agent"
    SALES_AGENT = "sales_agent"
    OPS_AGENT = "ops_agent"
    PLATFORM_ADMIN = "platform_admin"
    PUBLISHER = "publisher"
    CUSTOMER = "customer"
    SYSTEM = "system"


AGENT_ROLES = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN)


class Action(StrEnum):
    CUSTOMER_READ = "customer.read"
    CUSTOMER_MANAGE = "customer.manage"
    CATALOGUE_READ = "catalogue.read"
    SUBSCRIPTION_READ = "subscription.read"
    SUBSCRIPTION_BUY = "subscription.buy"
    SUBSCRIPTION_RENAME = "subscription.rename"
    SUBSCRIPTION_AUTO_RENEW = "subscription.auto_renew"
    SUBSCRIPTION_CHANGE = "subscription.change"
    SUBSCRIPTION_CANCEL = "subscription.cancel"
    SUBSCRIPTION_SUSPEND = "subscription.suspend"
    SUBSCRIPTION_POLL = "subscription.poll"
    SUBSCRIPTION_NOTE = "subscription.note"
    SUBSCRIPTION_BULK = "subscription.bulk"
    SUBSCRIPTION_ASK = "subscription.ask"
    SUBSCRIPTION_DECIDE = "subscription.decide"
    SUBSCRIPTION_CONFIRM = "subscription.confirm"
    SUBSCRIPTION_CHANGE_AS_PUBLISHER = "subscription.change_as_publisher"
    SUBSCRIPTION_VOID = "subscription.void"
    SUBSCRIPTION_RENEW = "subscription.renew"
    SUBSCRIPTION_REMIND = "subscription.remind"
    SUBSCRIPTION_ANSWER = "subscription.answer"
    LETTER_EDIT = "letter.edit"
    PUBLISHER_LINK_OPEN = "publisher_link.open"
    DIVERGENCE_ACCEPT = "divergence.accept"
    ATTENTION_TRIAGE = "attention.triage"
    PUBLISHER_READ = "publisher.read"
    PUBLISHER_TRY = "publisher.try"
    PUBLISHER_MANAGE = "publisher.manage"
    CLIENT_MANAGE = "client.manage"
    PERSON_ERASE = "person.erase"
    AGENT_MANAGE = "agent.manage"
    JOB_OVERSEE = "job.oversee"
    SYSTEM_READ = "system.read"
    SYSTEM_RETRY = "system.retry"
    SAVED_VIEW_MANAGE = "saved_view.manage"
    CHARGE_READ = "charge.read"
    CHARGE_WRITE = "charge.write"
    INVOICE_READ = "invoice.read"
    INVOICE_MANAGE = "invoice.manage"


_READ = frozenset(
    {
        Action.CUSTOMER_READ,
        Action.CATALOGUE_READ,
        Action.SUBSCRIPTION_READ,
        Action.PUBLISHER_LINK_OPEN,
        Action.CHARGE_READ,
        Action.PUBLISHER_READ,
    }
)

GRANTS: dict[Role, frozenset[Action]] = {
    Role.ADMIN_AGENT: _READ
    | {
        Action.SAVED_VIEW_MANAGE,
        Action.INVOICE_READ,
        Action.INVOICE_MANAGE,
        Action.CUSTOMER_MANAGE,
        Action.SUBSCRIPTION_BUY,
        Action.SUBSCRIPTION_RENAME,
        Action.SUBSCRIPTION_AUTO_RENEW,
        Action.SUBSCRIPTION_CHANGE,
        Action.SUBSCRIPTION_CANCEL,
        Action.SUBSCRIPTION_SUSPEND,
        Action.SUBSCRIPTION_DECIDE,
        Action.SUBSCRIPTION_POLL,
        Action.SUBSCRIPTION_REMIND,
        Action.LETTER_EDIT,
        Action.PUBLISHER_TRY,
        Action.SUBSCRIPTION_NOTE,
        Action.SUBSCRIPTION_BULK,
        Action.DIVERGENCE_ACCEPT,
        Action.ATTENTION_TRIAGE,
        Action.SYSTEM_READ,
        Action.SYSTEM_RETRY,
    },
    # Rules 31-32: sales agents buy and read; nothing of an existing subscription is theirs to change, but they may ask.
    Role.SALES_AGENT: _READ
    | {Action.SUBSCRIPTION_BUY, Action.SUBSCRIPTION_ASK, Action.SUBSCRIPTION_POLL, Action.SUBSCRIPTION_NOTE}
    | {Action.SUBSCRIPTION_REMIND},
    Role.OPS_AGENT: _READ
    | {Action.SUBSCRIPTION_POLL, Action.PUBLISHER_TRY, Action.SUBSCRIPTION_NOTE, Action.SUBSCRIPTION_BULK}
    | {Action.DIVERGENCE_ACCEPT, Action.INVOICE_READ, Action.SUBSCRIPTION_REMIND, Action.ATTENTION_TRIAGE}
    | {Action.SYSTEM_READ},
    Role.PLATFORM_ADMIN: _READ
    | {
        Action.PUBLISHER_MANAGE,
        Action.PUBLISHER_TRY,
        Action.ATTENTION_TRIAGE,
        Action.SAVED_VIEW_MANAGE,
        Action.CLIENT_MANAGE,
        Action.PERSON_ERASE,
        Action.AGENT_MANAGE,
        Action.JOB_OVERSEE,
        Action.SYSTEM_READ,
        Action.SYSTEM_RETRY,
        Action.INVOICE_READ,
        Action.INVOICE_MANAGE,
    },
    # Whoever holds the address of a page that was sent to a customer: of that one subscription alone.
    Role.CUSTOMER: frozenset({Action.PUBLISHER_LINK_OPEN, Action.SUBSCRIPTION_ANSWER}),
    # What it may change by calls of its own is a policy of the plan (`publisher_changes`), none by default.
    Role.PUBLISHER: frozenset({Action.SUBSCRIPTION_CONFIRM, Action.SUBSCRIPTION_CHANGE_AS_PUBLISHER}),
    Role.SYSTEM: frozenset(
        {
            Action.SUBSCRIPTION_CONFIRM,
            Action.SUBSCRIPTION_VOID,
            Action.SUBSCRIPTION_RENEW,
            Action.SUBSCRIPTION_READ,
            # A reminder carries a fresh link.
            Action.SUBSCRIPTION_REMIND,
            Action.PUBLISHER_LINK_OPEN,
            # What a threshold of a policy approves is done by the hub itself.
            Action.SUBSCRIPTION_CHANGE,
            Action.CHARGE_WRITE,
            Action.INVOICE_MANAGE,
            Action.SUBSCRIPTION_POLL,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which role. `kind` is user, client, publisher, customer or system; `roles` are all roles held.

    `customers` are the only ones that a program or a person with a scope sees; None sees all of them.
    """

    kind: str
    id: str
    label: str
    role: Role
    roles: tuple[Role, ...] = field(default=())
    email: str = ""
    customers: frozenset[UUID] | None = None

    @property
    def is_authenticated(self) -> bool:
        """Always true: nobody has no actor (django-rest-framework asks its request.user)."""
        return True

    def may(self, action: Action) -> bool:
        """Whether the active role holds the grant; the state of things may still forbid the act."""
        return action in GRANTS[self.role]


SYSTEM = Actor(kind="system", id="hub", label="Partner Hub", role=Role.SYSTEM, roles=(Role.SYSTEM,))
# Whoever has a shell on the hub's machine runs its commands as a platform admin, and goes on record as one.
OPERATOR = Actor(
    kind="system", id="command", label="Command line", role=Role.PLATFORM_ADMIN, roles=(Role.PLATFORM_ADMIN,)
)


def who_can(action: Action) -> tuple[Role, ...]:
    """The agents' roles that hold an action, in the order of AGENT_ROLES."""
    return tuple(role for role in AGENT_ROLES if action in GRANTS[role])


def authorize(actor: Actor, action: Action) -> None:
    """Raise NotPermitted, naming who could, unless the actor's active role holds the action."""
    if not actor.may(action):
        raise NotPermitted(role=actor.role.value, action=action.value, who_can=", ".join(who_can(action)) or "nobody")


def authorize_for_all(actor: Actor, action: Action) -> None:
    """As `authorize`, for what concerns every customer. Raises ConcernsEveryCustomer for who sees only some, too."""
    authorize(actor, action)
    if actor.customers is not None:
        raise ConcernsEveryCustomer
