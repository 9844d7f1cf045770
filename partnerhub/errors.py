"""Every business refusal of the hub, by name.

A refusal has a stable `code` (the same on a page and in the API, where `partnerhub/api/errors.py` adds the dialect's
number) and a sentence holding the actual values. Refusing changes nothing: the service's transaction is rolled back.
"""

from typing import Any, ClassVar


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation; the web layer translates it when it shows it."""
    return message


class HubError(Exception):
    """A refusal with a stable code and a sentence; `values` are the sentence's actual values."""

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = gettext_noop("This cannot be done.")

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(self.sentence.format(**values))


class NotPermitted(HubError):
    code = "not_permitted"
    sentence = gettext_noop("The role {role} may not do this ({action}). Ask: {who_can}.")


class OutsideScope(HubError):
    code = "outside_scope"
    sentence = gettext_noop("You are limited to some customers: you cannot take on another.")


class ConcernsEveryCustomer(OutsideScope):
    sentence = gettext_noop("This concerns every customer: it is not for who is limited to some of them.")


class RoleNotHeld(HubError):
    code = "role_not_held"
    sentence = gettext_noop("You do not hold the role {role}.")


class NotFound(HubError):
    code = "not_found"
    sentence = gettext_noop("There is no {what} {id}.")


class InvalidInput(HubError):
    code = "invalid_input"
    sentence = gettext_noop("{field} is not valid: {problem}")


class StaleVersion(HubError):
    code = "stale_version"
    sentence = gettext_noop("This was changed by somebody else: you saw version {seen}, it is now version {current}.")


class RequestReused(HubError):
    code = "request_id_reused"
    sentence = gettext_noop("The request id {request_id} was already used for a different request.")


class RequestInProgress(HubError):
    code = "request_in_progress"
    sentence = gettext_noop("The request {request_id} is still being worked on.")


class ViewNameTaken(HubError):
    code = "view_name_taken"
    sentence = gettext_noop("You already have a saved view called {name}.")


# Buying


class ProductNotFound(HubError):
    code = "product_not_found"
    sentence = gettext_noop("There is no product {id}.")


class SkuNotFound(HubError):
    code = "sku_not_found"
    sentence = gettext_noop("There is no plan {id} of this offer.")


class AvailabilityNotFound(HubError):
    code = "availability_not_found"
    sentence = gettext_noop("There is no catalogue item {id}. Read the availabilities again and retry.")


class QuantityOutOfRange(HubError):
    code = "quantity_out_of_range"
    sentence = gettext_noop("Quantity {quantity} is outside {minimum} to {maximum} for the plan {plan}.")


class NotSoldInCountry(HubError):
    code = "not_sold_in_country"
    sentence = gettext_noop("{offer} is not sold in {country}.")


class NoPriceInCurrency(HubError):
    code = "no_price_in_currency"
    sentence = gettext_noop("{offer} has no price in {currency} today.")


class OnePerCustomer(HubError):
    code = "one_per_customer"
    sentence = gettext_noop(
        "{customer} already has {offer}, which is sold once per customer (subscription {subscription})."
    )


class CartNotFound(HubError):
    code = "cart_not_found"
    sentence = gettext_noop("There is no cart {id}.")


class CartEmpty(HubError):
    code = "cart_empty"
    sentence = gettext_noop("The cart {id} has no lines.")


class CartExpired(HubError):
    code = "cart_expired"
    sentence = gettext_noop("The cart expired on {expired_at}. Start a new one: prices may have changed.")


class CartAlreadyOrdered(HubError):
    code = "cart_already_ordered"
    sentence = gettext_noop("The cart {id} was already ordered and cannot be changed.")


class AttestationMissing(HubError):
    code = "attestation_missing"
    sentence = gettext_noop("Confirm your partner role ({role}) for this purchase first.")


class PriceMoved(HubError):
    code = "price_moved"
    sentence = gettext_noop("The price of {offer} changed from {shown} to {current} since you saw it.")


class ResellerUnknown(HubError):
    code = "reseller_unknown"
    sentence = gettext_noop("There is no indirect reseller with PartnerID {partner_id}.")


class ResellerIsProvider(HubError):
    code = "reseller_is_provider"
    sentence = gettext_noop("PartnerID {partner_id} is our own: name an indirect reseller, never the provider.")


class ResellerAgreementMissing(HubError):
    code = "reseller_agreement_missing"
    sentence = gettext_noop("The reseller {name} (PartnerID {partner_id}) has not accepted the partner agreement.")


class ResellerIsSuspended(ResellerUnknown):
    code = "reseller_suspended"
    sentence = gettext_noop("The reseller {name} (PartnerID {partner_id}) is suspended.")


class CustomerRelationshipEnded(HubError):
    code = "customer_relationship_ended"
    sentence = gettext_noop("The relationship with {customer} has ended: nothing can be bought for it.")


# Customers and resellers


class VatIdInvalid(HubError):
    code = "vat_id_invalid"
    sentence = gettext_noop("{vat_id} is not a VAT ID of {country}: {why}.")


class DomainTaken(HubError):
    code = "domain_taken"
    sentence = gettext_noop("The domain {domain} already belongs to the customer {customer}.")


class PartnerIdTaken(HubError):
    code = "partner_id_taken"
    sentence = gettext_noop("There is already a reseller with PartnerID {partner_id}.")


class TenantTaken(HubError):
    code = "tenant_taken"
    sentence = gettext_noop("The tenant {tenant_id} already belongs to the customer {customer}.")


class AgreementUnknown(HubError):
    code = "agreement_unknown"
    sentence = gettext_noop("There is no indirect reseller {id}, so there is no agreement to look up.")


class AgreementUnknownById(AgreementUnknown):
    code = "agreement_unknown_by_id"


class RowUnfit(HubError):
    code = "row_unfit"
    sentence = gettext_noop("The row does not fit: {fields}.")


class RowTooLong(HubError):
    code = "row_too_long"
    sentence = gettext_noop("The row has cells without a column: {surplus}.")


class ImportIncomplete(HubError):
    code = "import_incomplete"
    sentence = gettext_noop("Rows are refused ({count}), and all rows or none were asked for. Mend the file.")


class CurrencyInUse(HubError):
    code = "currency_in_use"
    sentence = gettext_noop(
        "{customer} has live subscriptions in {currency} ({count}): its currency can change when they have ended."
    )


class LiveSubscriptions(HubError):
    code = "live_subscriptions"
    sentence = gettext_noop(
        "{customer} still has live subscriptions ({count}): they have to end before the relationship does."
    )


# Living


class StatusForbids(HubError):
    code = "status_forbids"
    sentence = gettext_noop("A subscription that is {status} cannot do this ({trigger}).")


class NotActivatedYet(HubError):
    code = "not_activated_yet"
    sentence = gettext_noop(
        "The publisher has not confirmed this subscription yet: {field} can be changed once it is active."
    )


class SubscriptionEnded(HubError):
    code = "subscription_ended"
    sentence = gettext_noop("The subscription ended on {ended_at} and cannot be changed any more.")


class OperationPending(HubError):
    code = "operation_pending"
    sentence = gettext_noop("The change of {since} ({action}) is still under way.")


class SuspendedForbids(HubError):
    code = "subscription_suspended"
    sentence = gettext_noop("The subscription is suspended: {field} can be changed once it is active again.")


class QuantityWhileSuspended(SuspendedForbids):
    code = "quantity_while_suspended"


class RenewalUnderWay(HubError):
    code = "renewal_under_way"
    sentence = gettext_noop("The term ended on {ended_on} and is being renewed. Try again in two minutes.")


class ReductionWindowClosed(HubError):
    code = "reduction_window_closed"
    sentence = gettext_noop(
        "Licences that can be removed now: {reducible} of {quantity}; asked for: {asked}. The rest can be removed at "
        "renewal on {renews_on}."
    )


class OneChangeAtATime(HubError):
    code = "one_change_at_a_time"
    sentence = gettext_noop("Quantity and plan cannot be changed together: the publisher takes one change at a time.")


class TermFixed(HubError):
    code = "term_fixed"
    sentence = gettext_noop("The term of {current} stays until {ends_on}: {plan} with {asked} can begin at renewal.")


class TrialTermFixed(TermFixed):
    code = "trial_term_fixed"


class BillingFrequencyFixed(HubError):
    code = "billing_frequency_fixed"
    sentence = gettext_noop("The billing frequency can change at renewal on {renews_on}, not within the term.")


class AutoRenewOff(HubError):
    code = "auto_renew_off"
    sentence = gettext_noop("Auto-renew is off, so there is no renewal to schedule anything for. Turn it on first.")


class NothingScheduled(HubError):
    code = "nothing_scheduled"
    sentence = gettext_noop("Nothing is scheduled for renewal.")


class TooLateToUndo(HubError):
    code = "too_late_to_undo"
    sentence = gettext_noop("The change of {since} ({action}) can no longer be undone: it is {status}.")


class QuoteUnknown(HubError):
    code = "quote_unknown"
    sentence = gettext_noop("There is no quote {id} for this change of this subscription.")


class QuoteExpired(HubError):
    code = "quote_expired"
    sentence = gettext_noop("The quote was good until {expired_at}. Look at the change again and confirm it.")


class QuoteUsed(HubError):
    code = "quote_used"
    sentence = gettext_noop("The quote was already used on {used_at}.")


class QuoteMoved(HubError):
    """Something moved since the quote: `shown` and `current` are the sums due today; `carried` is all that was shown
    and all that would happen now, for whoever shows both.
    """

    carried: Any = None

    code = "quote_moved"
    sentence = gettext_noop("This is not what you were shown any more: it was {shown}, it is now {current}.")


class RequestOwn(HubError):
    code = "request_own"
    sentence = gettext_noop("You asked for this change yourself: another admin agent has to decide it.")


class RequestClosed(HubError):
    code = "request_closed"
    sentence = gettext_noop("The change request is {status} since {since}.")


class RequestMoved(HubError):
    code = "request_moved"
    sentence = gettext_noop("The subscription has moved since the request was made: {why}")


class RequestTooMuch(HubError):
    code = "request_too_much"
    sentence = gettext_noop("{approved} is not between {old} and the {new} that were asked for.")


class NothingAsked(HubError):
    code = "nothing_asked"
    sentence = gettext_noop("Nothing would change.")


class CancellationWindowClosed(HubError):
    code = "cancellation_window_closed"
    sentence = gettext_noop(
        "The {window} cancellation window closed on {closed_at}. With auto-renew off it ends on {ends_on}."
    )


class AgreementMissing(CancellationWindowClosed):
    code = "agreement_missing"
    sentence = gettext_noop(
        "The {window} cancellation window closed on {closed_at}. Later it is cancelled when {publisher} agrees: "
        "give the reference of its agreement."
    )


class MultiYearLocked(CancellationWindowClosed):
    code = "multi_year_locked"
    sentence = gettext_noop(
        "The {window} cancellation window closed on {closed_at}. A {years}-year plan with payments due is locked "
        "until its term ends on {ends_on}."
    )


class CancelStepsOpen(HubError):
    code = "cancel_steps_open"
    sentence = gettext_noop("{publisher} asks for these steps first: {steps}")


class NothingToPoll(HubError):
    code = "nothing_to_poll"
    sentence = gettext_noop("{publisher} is not asked about this subscription: {why}")


class NothingToRemind(HubError):
    code = "nothing_to_remind"
    sentence = gettext_noop("The customer is not reminded: {why}.")


class PageGone(HubError):
    code = "page_gone"
    sentence = gettext_noop("This page does not work, or not any more.")


class SentTooOften(HubError):
    code = "sent_too_often"
    sentence = gettext_noop("{limit} pages were sent within 24 hours; once more is possible from {again_at}.")


class PlaceholderUnknown(InvalidInput):
    code = "placeholder_unknown"
    sentence = gettext_noop("{{{placeholder}}} is not a placeholder. There are: {known}.")


class RemindedAlready(HubError):
    code = "reminded_already"
    sentence = gettext_noop("The customer was reminded on {reminded_at}; once more is possible from {again_at}.")


# Publishers


class TokenMalformed(HubError):
    code = "token_malformed"
    sentence = gettext_noop("This is not a purchase token.")


class TokenExpired(HubError):
    code = "token_expired"
    sentence = gettext_noop("The purchase token expired on {expired_at}. Open the link from the partner's page again.")


class TokenForeign(HubError):
    code = "token_foreign"
    sentence = gettext_noop("The purchase token belongs to another publisher.")


class ForeignSubscription(HubError):
    code = "foreign_subscription"
    sentence = gettext_noop("The subscription {id} belongs to another publisher.")


class ActivationRefused(HubError):
    code = "activation_refused"
    sentence = gettext_noop("A subscription that is {status} cannot be activated.")


class OperationFinal(HubError):
    code = "operation_final"
    sentence = gettext_noop("The operation {id} is {status} since {completed_at}: that is final.")


class OperationNeedsNoAnswer(HubError):
    code = "operation_needs_no_answer"
    sentence = gettext_noop("The operation {action} has happened already: it is told, not asked.")


class ActivationDiffers(HubError):
    code = "activation_differs"
    sentence = gettext_noop("{field} {said} is not what was bought: {bought}.")


class PublisherMayNot(HubError):
    code = "publisher_may_not"
    sentence = gettext_noop(
        "{operation} is not allowed for the subscription {id}: a reseller bought it, allowedCustomerOperations is "
        "[{allowed}]. Ask the partner to change it."
    )


class PlanNotAvailable(HubError):
    code = "plan_not_available"
    sentence = gettext_noop("The subscription cannot change to the plan {plan} in its term.")


class NothingNew(HubError):
    code = "nothing_new"
    sentence = gettext_noop("{field} is {value} already.")


class NoLicences(HubError):
    code = "no_licences"
    sentence = gettext_noop("The plan {plan} is a flat rate: it has no licences to change.")


class NoticeNotSent(HubError):
    code = "notice_not_sent"
    sentence = gettext_noop("{publisher} cannot be told: {why}")


class DivergenceOver(HubError):
    code = "divergence_over"
    sentence = gettext_noop("This divergence ended at {ended_at}: there is nothing left to let be.")


class AttentionSettled(HubError):
    code = "attention_settled"
    sentence = gettext_noop("This needs nobody any more: it was settled meanwhile.")


class AssigneeUnfit(HubError):
    code = "assignee_unfit"
    sentence = gettext_noop("{name} cannot take this: it needs somebody with one of the roles {who_can}.")


class AssigneeLimited(HubError):
    code = "assignee_limited"
    sentence = gettext_noop("{name} cannot take this: it is about a customer that {name} does not see.")


class SnoozeOver(HubError):
    code = "snooze_over"
    sentence = gettext_noop("It can be put aside until a later moment only, not until {until}.")


class AddressNotAllowed(HubError):
    code = "address_not_allowed"
    sentence = gettext_noop("{url} is not an address this hub may call: {problem}")


class OverlappingPrice(HubError):
    code = "overlapping_price"
    sentence = gettext_noop("A price in {currency} is already valid from {valid_from}.")


class ClientTaken(InvalidInput):
    """One pair of tenant and app belongs to one program, so a publisher cannot be mistaken for another."""

    code = "client_taken"


class PublisherNameTaken(HubError):
    code = "publisher_name_taken"
    sentence = gettext_noop("There is a publisher {name} already.")


class PublisherNameFixed(HubError):
    code = "publisher_name_fixed"
    sentence = gettext_noop("This is about {name}, not about {expected}: the name of a publisher cannot change.")


class TooManyTokens(HubError):
    code = "too_many_tokens"
    sentence = gettext_noop("{count} personal tokens are valid at once, which is the most: revoke one first.")


class AgentExists(HubError):
    code = "agent_exists"
    sentence = gettext_noop("There is an agent with the e-mail {email} already.")


class LastPlatformAdmin(HubError):
    code = "last_platform_admin"
    sentence = gettext_noop("Nobody else is an active platform admin: make somebody one first.")


class PlatformAdminLimited(HubError):
    code = "platform_admin_limited"
    sentence = gettext_noop("A platform admin sees all customers: leave out that role, or choose all customers.")


class InvitedAlready(HubError):
    code = "invited_already"
    sentence = gettext_noop("{email} is invited already: send that invitation again, or revoke it first.")


class InvitationClosed(HubError):
    code = "invitation_closed"
    sentence = gettext_noop("The invitation of {email} was accepted or revoked meanwhile.")


class InvitationGone(HubError):
    code = "invitation_gone"
    sentence = gettext_noop("This invitation does not work, or not any more. Ask for another one.")


class TooManySecrets(HubError):
    code = "too_many_secrets"
    sentence = gettext_noop("{count} secrets are valid at once, which is the most: revoke one first.")


class NothingToTry(HubError):
    code = "nothing_to_try"
    sentence = gettext_noop("{publisher} is asked as usual: there is nothing to try.")


class KeyNotSigningYet(HubError):
    code = "key_not_signing_yet"
    sentence = gettext_noop("A new key is published already and does not sign yet: wait until it does.")


# Jobs


class NothingSelected(HubError):
    code = "nothing_selected"
    sentence = gettext_noop("Nothing was selected.")


class TooManyRows(HubError):
    code = "too_many_rows"
    sentence = gettext_noop("More than {limit} were selected: a job takes at most {limit}. Narrow the selection.")


class RepeatedRow(HubError):
    code = "repeated_row"
    sentence = gettext_noop("This one stands in the file more than once; row {row} counts.")


class JobMovedOn(HubError):
    code = "job_moved_on"
    sentence = gettext_noop("The job has moved on since you looked: see how it stands now, and decide again.")


class PhraseMismatch(HubError):
    code = "phrase_mismatch"
    sentence = gettext_noop("To confirm, type exactly: {phrase}")


class ActorLost(HubError):
    code = "actor_lost"
    sentence = gettext_noop("{name} may no longer act as {role}.")


class RowFailed(HubError):
    code = "row_failed"
    sentence = gettext_noop("The hub failed here ({error}). Nothing was changed.")


# Billing


class ClockBehind(HubError):
    code = "clock_behind"
    sentence = gettext_noop(
        "It is {at} UTC by this machine's clock, but charges of {newest} UTC are written already: nothing is billed."
    )


class BilledLater(ClockBehind):
    code = "billed_later"
    sentence = gettext_noop("Invoices of {month} are final already: nothing is billed as of {as_of}.")


class SellerIncomplete(HubError):
    code = "seller_incomplete"
    sentence = gettext_noop("Nothing is invoiced before the seller is known: set {missing}.")


class TaxRateMissing(HubError):
    code = "tax_rate_missing"
    sentence = gettext_noop("No VAT rate of {country} is known for {day}.")


class ExchangeRateMissing(HubError):
    code = "exchange_rate_missing"
    sentence = gettext_noop("No exchange rate from {currency} into {into} is known from before {day}.")


class InvoiceStateForbids(HubError):
    code = "invoice_state_forbids"
    sentence = gettext_noop("The invoice {invoice} is {state}: it cannot be {wanted}.")


class NothingToCredit(HubError):
    code = "nothing_to_credit"
    sentence = gettext_noop("Nothing of this is left to credit on the invoice {invoice}.")


class DocumentLinkInvalid(HubError):
    code = "document_link_invalid"
    sentence = gettext_noop("This link to the document of {invoice} does not work, or not any more: ask for another.")


class TaxMoved(HubError):
    code = "tax_moved"
    sentence = gettext_noop("A charge that {invoice} credits is taxed otherwise by now: draft {invoice} anew.")


class CreditBeyondInvoice(HubError):
    code = "credit_beyond_invoice"
    sentence = gettext_noop(
        "The invoice {invoice} charged {charged}: its credit notes cannot come to {credited}. What it took back of "
        "earlier invoices counts too; choose fewer lines, or none: then all that is left of the invoice is credited."
    )


class LedgerBehind(HubError):
    code = "ledger_behind"
    sentence = gettext_noop("Billing has yet to hear what happened to {subscription}: try again in a moment.")


# What programs are told


class OnlyPrograms(HubError):
    code = "only_programs"
    sentence = gettext_noop("Webhooks belong to API clients: call with a token of one, not with a personal token.")


class HookRegisteredAlready(HubError):
    code = "hook_registered_already"
    sentence = gettext_noop("{name} has a registration already: change it with PUT, or remove it first.")


class HookRemovedMeanwhile(HubError):
    code = "hook_removed"
    sentence = gettext_noop("{name} has removed its registration: there is nowhere to send this to.")


class DeliveryUnderWay(HubError):
    code = "delivery_under_way"
    sentence = gettext_noop("This delivery is still being tried: it can be sent again when that is over.")


# Who signs in


class NoRoleForGroups(HubError):
    code = "no_role_for_groups"
    sentence = gettext_noop("Your groups at {provider} give you no role in Partner Hub. Ask a platform admin.")


class AddressUnproven(HubError):
    code = "address_unproven"
    sentence = gettext_noop("{provider} does not vouch for your e-mail address. Ask a platform admin.")


class AccountDeactivated(HubError):
    code = "account_deactivated"
    sentence = gettext_noop("This account is deactivated. Ask a platform admin.")


class LastSecondFactor(HubError):
    code = "last_second_factor"
    sentence = gettext_noop("Your roles need a second factor, and this is your only one: add another one first.")
