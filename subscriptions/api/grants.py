"""Who may do what with purchases and subscriptions, and what each kind of call is refused with: for the document."""

from accounts.policy import Action, who_can
from partnerhub import errors

READERS = who_can(Action.SUBSCRIPTION_READ)
CATALOGUE_READERS = who_can(Action.CATALOGUE_READ)
BUYERS = who_can(Action.SUBSCRIPTION_BUY)
# Each field has a grant of its own; today the same role holds them all.
CHANGERS = who_can(Action.SUBSCRIPTION_CHANGE)
ASKERS = who_can(Action.SUBSCRIPTION_ASK)
DECIDERS = who_can(Action.SUBSCRIPTION_DECIDE)
POLLERS = who_can(Action.SUBSCRIPTION_POLL)
LINK_OPENERS = who_can(Action.PUBLISHER_LINK_OPEN)
PUBLISHER_READERS = who_can(Action.PUBLISHER_READ)

READING = (errors.NotPermitted, errors.NotFound)
LINKING = (*READING, errors.SubscriptionEnded)
FILLING = (
    errors.NotPermitted,
    errors.CustomerRelationshipEnded,
    errors.NotFound,
    errors.InvalidInput,
    errors.AvailabilityNotFound,
    errors.QuantityOutOfRange,
    errors.NotSoldInCountry,
    errors.NoPriceInCurrency,
    errors.OnePerCustomer,
    errors.ResellerUnknown,
    errors.ResellerIsProvider,
    errors.ResellerAgreementMissing,
)
REFILLING = (*FILLING, errors.CartNotFound, errors.CartExpired, errors.CartAlreadyOrdered)
CHECKING_OUT = (
    errors.NotPermitted,
    errors.CustomerRelationshipEnded,
    errors.CartNotFound,
    errors.CartExpired,
    errors.CartEmpty,
    errors.AttestationMissing,
)
ANY_CHANGE = (
    *READING,
    errors.InvalidInput,
    errors.SubscriptionEnded,
    errors.NotActivatedYet,
    errors.SuspendedForbids,
    errors.RenewalUnderWay,
    errors.OperationPending,
    errors.NoPriceInCurrency,
)
CHANGING_QUANTITY = (errors.QuantityOutOfRange, errors.QuantityWhileSuspended, errors.ReductionWindowClosed)
CHANGING_TERMS = (errors.TermFixed, errors.TrialTermFixed, errors.BillingFrequencyFixed)
ENDING = (
    errors.StatusForbids,
    errors.CancellationWindowClosed,
    errors.AgreementMissing,
    errors.MultiYearLocked,
    errors.CancelStepsOpen,
)
RENEWING = (errors.AutoRenewOff, errors.NothingScheduled)
RESELLING = (errors.ResellerUnknown, errors.ResellerIsProvider, errors.ResellerAgreementMissing)
PREVIEWING = (
    *ANY_CHANGE,
    errors.StaleVersion,
    errors.OneChangeAtATime,
    *CHANGING_QUANTITY,
    *CHANGING_TERMS,
    *ENDING,
    *RENEWING,
    *RESELLING,
)
QUOTED = (errors.QuoteUnknown, errors.QuoteExpired, errors.QuoteUsed, errors.QuoteMoved)
CHANGING = (*PREVIEWING, *QUOTED)
DECIDING = (
    *PREVIEWING,
    errors.RequestOwn,
    errors.RequestClosed,
    errors.RequestMoved,
    errors.RequestTooMuch,
)
CHANGING_PLAN = (*ANY_CHANGE, errors.AvailabilityNotFound, errors.QuantityOutOfRange, *QUOTED)
