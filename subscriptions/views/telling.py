"""What happened, as a sentence: one for every event of the hub, and for an attempt that was refused."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.utils.translation import get_language_info, gettext_noop, ngettext
from django.utils.translation import gettext as _

from accounts.policy import Role
from partnerhub.web.templatetags.hub import absolute, day_text, quoted, role_name
from subscriptions import words
from subscriptions.activity import ACTS
from subscriptions.enums import Acceptance, DivergenceEnd, DivergenceKind, Rung
from subscriptions.views.divergence_rows import ours_words, theirs_words
from subscriptions.views.rows import licences

Data = dict[str, Any]
Tell = Callable[[Data], str]


def _word(table: dict[Any, Any], code: str | None) -> str:
    return next((str(word) for key, word in table.items() if key == code), code or "")


def _moment(text: str) -> str:
    return absolute(datetime.fromisoformat(text))


def _day(text: str) -> str:
    return day_text(date.fromisoformat(text))


def _says(sentence: str) -> Tell:
    """A sentence without values; it is translated when it is told."""
    return lambda data: _(sentence)


def _ordered(data: Data) -> str:
    return _("Ordered {offer}, {licences}, with order {order}.").format(
        offer=data["offer"], licences=licences(data["quantity"]), order=data["order"]
    )


def _link_minted(data: Data) -> str:
    return _("Made a fresh link to the publisher's site, valid until {until}.").format(
        until=_moment(data["expires_at"])
    )


def _gate_satisfied(data: Data) -> str:
    evidence = data.get("evidence") or {}
    gate = _word(words.GATE, data["gate"])
    if evidence.get("source") == "call":
        return _("{gate}: the publisher said so with its own call.").format(gate=gate)
    return _("{gate}: the publisher said so when it was asked.").format(gate=gate)


def _gate_reopened(data: Data) -> str:
    gate = _word(words.GATE, data["gate"])
    if data.get("was") == "failed":
        return _("{gate}: the publisher refuses it no longer.").format(gate=gate)
    return _("{gate}: the publisher took its confirmation back.").format(gate=gate)


def _gate_failed(data: Data) -> str:
    return _("{gate}: {reason}").format(gate=_word(words.GATE, data["gate"]), reason=_why(data))


def _why(data: Data) -> str:
    if data.get("message"):
        return _("The publisher says: {message}").format(message=data["message"])
    return _word(words.REASON, data.get("reason"))


def _attention(data: Data) -> str:
    after = data.get("after") or {}
    return _("{reason} Next: {owner}.").format(reason=_why(after), owner=_word(words.OWNER, after.get("owner")))


def _activated(data: Data) -> str:
    return _("Activated: every billing gate holds, so the term and billing start on {day}.").format(
        day=_day(data["term_start"])
    )


def _auto_renew(data: Data) -> str:
    return _("Turned automatic renewal on.") if data["after"] else _("Turned automatic renewal off.")


def _cancelled(data: Data) -> str:
    sentences = {
        "full": _("Cancelled inside the window: everything charged is refunded."),
        "none": _("Cancelled without a refund."),
    }
    sentence = sentences.get(data["refund"], _("Cancelled before activation: nothing was ever charged."))
    if data.get("agreement") and data["refund"] == "full":
        sentence = _("Cancelled with the publisher's agreement: everything charged is refunded.")
    return sentence


def _operation(data: Data) -> str:
    return _word(words.OPERATION, data.get("action"))


def _operation_succeeded(data: Data) -> str:
    if not data.get("told", True):
        return _("{change}: the publisher reads it from us at its next call.").format(change=_operation(data))
    return _("{change}: the publisher has carried it out.").format(change=_operation(data))


def _operation_failed(data: Data) -> str:
    return _("{change}: the publisher did not carry it out.").format(change=_operation(data))


def _operation_refused(data: Data) -> str:
    return _("{change}: the publisher refused it, so nothing changed. It says: {why}").format(
        change=_operation(data), why=data.get("why") or "–"
    )


def _reminded(data: Data) -> str:
    parts = [_who_was_reminded(data)]
    if data.get("overslept"):
        left_out = ", ".join(_word(words.RUNG, rung) for rung in data["overslept"])
        parts.append(_("Left out, because it was too late for them: {who}.").format(who=left_out))
    if data.get("next"):
        upcoming = data["next"]
        parts.append(
            _("Next: {who}, {when}.").format(who=_word(words.RUNG, upcoming["rung"]), when=_moment(upcoming["at"]))
        )
    return " ".join(parts)


def _renewal_announced(data: Data) -> str:
    if not data["recipients"]:
        why = _word(words.NOBODY_REMINDED, data.get("why"))
        return _("Notice of the renewal on {day} left out: {why}.").format(day=_day(data["term_end"]), why=why)
    return _("Told the customer by e-mail of the renewal on {day}.").format(day=_day(data["term_end"]))


def _page_sent(data: Data) -> str:
    return _("Sent the customer's page to {recipient}; it works until {until}.").format(
        recipient=data["recipient"], until=_moment(data["until"])
    )


def _page(sentence: str) -> Tell:
    return lambda data: _(sentence).format(recipient=data["recipient"])


def _setup_answered(data: Data) -> str:
    if not data["missing"]:
        return _("Answered everything that the publisher asks.")
    return _("Answered a part of what the publisher asks.")


def _letter_changed(data: Data) -> str:
    name = get_language_info(data["language"])["name_translated"]
    return _("Changed the letter to customers ({language}).").format(language=name)


def _who_was_reminded(data: Data) -> str:
    rung, sent = data["rung"], data["recipients"]
    if not sent:
        why = _word(words.NOBODY_REMINDED, data.get("why"))
        return _("Reminder for {who} left out: {why}.").format(who=_word(words.RUNG, rung), why=why)
    if rung == Rung.CUSTOMER:
        return _("Reminded the customer by e-mail; the link in it works until {until}.").format(
            until=_moment(data["until"])
        )
    if rung == Rung.PUBLISHER:
        return _("Reminded the publisher by e-mail.")
    if rung == Rung.CANCEL_OFFER:
        sentence = ngettext(
            "Offered %(n)d agent to cancel free of charge.", "Offered %(n)d agents to cancel free of charge.", sent
        )
    else:
        sentence = ngettext("Reminded %(n)d agent by e-mail.", "Reminded %(n)d agents by e-mail.", sent)
    return sentence % {"n": sent}


def _held(data: Data) -> str:
    return _("{change}: can be undone until {until}; nobody outside has heard of it.").format(
        change=_operation(data), until=_moment(data["until"])
    )


def _undone(data: Data) -> str:
    return _("{change}: undone in time, so nothing was sent.").format(change=_operation(data))


def _asked_of_publisher(data: Data) -> str:
    if not data.get("due_at"):
        return _("{change}: the publisher is asked.").format(change=_operation(data))
    return _("{change}: the publisher is asked and has until {until} to answer.").format(
        change=_operation(data), until=_moment(data["due_at"])
    )


def _begun_by_publisher(data: Data) -> str:
    return _("{change}: the publisher does it by itself.").format(change=_operation(data))


def _accepted(data: Data, sentence: str) -> str:
    if data.get("accepted_by") == Acceptance.SILENCE:
        return _("{sentence} Accepted by silence.").format(sentence=sentence)
    if data.get("accepted_by") == Acceptance.PUBLISHER:
        return _("{sentence} The publisher accepted it.").format(sentence=sentence)
    return sentence


def _quantity(data: Data) -> str:
    sentence = _("Changed from {before} to {after}.").format(before=data["before"], after=licences(data["after"]))
    return _accepted(data, sentence)


def _reseller(data: Data) -> str:
    if not data["after"]:
        return _("Removed the indirect reseller.")
    return _("Named the indirect reseller with PartnerID {partner_id}.").format(partner_id=data["after"])


def _renewed(data: Data) -> str:
    return _("Renewed: the new term runs from {start}.").format(start=_day(data["term_start"]))


def _approved(data: Data) -> str:
    return _("Approved a part of the change request.") if data.get("partly") else _("Approved the change request.")


def _request_void(data: Data) -> str:
    sentence = _("The change request is void.")
    return f"{sentence} {data['why']}" if data.get("why") else sentence


def _diverged(data: Data) -> str:
    kind = DivergenceKind(data["kind"])
    ours = ours_words(kind, data["ours"], data.get("evidence") or {})
    return _("{what}. We hold: {ours}. It shows: {theirs}").format(
        what=words.DIVERGENCE[kind], ours=ours, theirs=theirs_words(kind, data["theirs"])
    )


def _divergence_ended(data: Data) -> str:
    what = _word(words.DIVERGENCE, data["kind"])
    if data["ended_as"] == DivergenceEnd.ACCEPTED:
        return _("{what}: let be.").format(what=what)
    return _("{what}: it is gone.").format(what=what)


def _noted(data: Data) -> str:
    return _("Left a note.")


def _attention_assigned(data: Data) -> str:
    if not data.get("assignee"):
        return _("Nobody takes care of it any more.")
    return _("{name} takes care of it.").format(name=data["assignee"]["name"])


def _attention_snoozed(data: Data) -> str:
    if not data.get("until"):
        return _("Put aside until it changes.")
    return _("Put aside until {moment}.").format(moment=_moment(data["until"]))


def _let_be(data: Data) -> str:
    return _("{change}: it was not made, and is let be.").format(change=_operation(data))


def _credited(data: Data) -> str:
    return _("Credited what was charged on the invoice {number}.").format(number=data["invoice"])


def _invoice_finalized(data: Data) -> str:
    return _("Finalized as {number}.").format(number=data["number"])


def _invoice_credited(data: Data) -> str:
    return _("Credited with {number}.").format(number=data["number"])


def _expired(data: Data) -> str:
    if data.get("ended") == "trial":
        return _("Ended with its trial: auto-renew was off. Nothing was charged.")
    if data.get("ended") == "suspension":
        return _("Ended: it had been suspended since {moment}.").format(moment=_moment(data["suspended_at"]))
    return _("Ended with its term: auto-renew was off.")


def _cart_ordered(data: Data) -> str:
    return _("Ordered a cart (order {orders}).").format(orders=", ".join(data.get("orders", [])))


def _client_created(data: Data) -> str:
    return _("Added the API client {name} in the role {role}.").format(
        name=data.get("name", ""), role=role_name(data.get("role", ""))
    )


def _hook(sentence: str) -> Tell:
    """A sentence about a program's webhook."""

    def tell(data: Data) -> str:
        events = ", ".join(data.get("events", []))
        return _(sentence).format_map({"program": "", "host": "", "event": "", **data, "events": events})

    return tell


def _role_switched(data: Data) -> str:
    before, after = data["role"]
    return _("Switched from the role {before} to {after}.").format(before=role_name(before), after=role_name(after))


def _agent(sentence: str) -> Tell:
    """A sentence about an agent, or somebody who is to be one."""

    def tell(data: Data) -> str:
        roles = ", ".join(role_name(role) for role in data.get("roles", []))
        return _(sentence).format_map({"name": "", "email": "", **data, "roles": roles})

    return tell


def _agent_changed(data: Data) -> str:
    parts = [_("name"), _("roles"), _("language"), _("customers")]
    named = zip(("name", "roles", "language", "customers"), parts, strict=True)
    return _("Changed the agent: {parts}.").format(parts=", ".join(word for key, word in named if key in data))


def _sessions_ended(data: Data) -> str:
    count = data.get("count", 0)
    return ngettext("Ended %(n)d session.", "Ended %(n)d sessions.", count) % {"n": count}


def _circuit_opened(data: Data) -> str:
    times = data.get("failures", 0)
    return ngettext(
        "Failed %(n)d time in a row: it is left alone for a while.",
        "Failed %(n)d times in a row: it is left alone for a while.",
        times,
    ) % {"n": times}


def _secret_made(data: Data) -> str:
    return _("Made the secret {hint}…, valid until {until}.").format(
        hint=data.get("hint", ""), until=_moment(data["expires_at"])
    )


def _secret_revoked(data: Data) -> str:
    return _("Revoked the secret {hint}….").format(hint=data.get("hint", ""))


def _secret_expiring(data: Data) -> str:
    return _("Its last secret, {hint}…, ends {until}: without another one it cannot sign in then.").format(
        hint=data.get("hint", ""), until=_moment(data["expires_at"])
    )


def _tested(data: Data) -> str:
    failed, warned = data.get("failed", 0), data.get("warned", 0)
    if not failed and not warned:
        return _("Tested the connection: everything passed.")
    return _("Tested the connection: {failed} failed, {warned} with a warning.").format(failed=failed, warned=warned)


def _view(sentence: str) -> Tell:
    return lambda data: _(sentence).format(name=data.get("name") or "–")


_WAYS = {
    "password": gettext_noop("password"),
    "socialaccount": gettext_noop("single sign-on"),
    "totp": gettext_noop("authenticator app"),
    "webauthn": gettext_noop("passkey"),
    "recovery_codes": gettext_noop("recovery code"),
}


def _signed_in(data: Data) -> str:
    ways = [_(_WAYS.get(way, way)) for way in data["with"]]
    return _("Signed in: {ways}.").format(ways=", ".join(ways))


def _factor(sentence: str) -> Tell:
    return lambda data: _(sentence).format(
        factor=" ".join(filter(None, [_(_WAYS[data["kind"]]), data.get("name") and quoted(data["name"])]))
    )


_NEUTRAL = ""
TOLD: dict[str, tuple[Tell, str, str]] = {
    "subscription.ordered": (_ordered, "shopping-cart", _NEUTRAL),
    "subscription.link_minted": (_link_minted, "link", _NEUTRAL),
    "subscription.link_resolved": (_says(gettext_noop("The publisher opened the order by its link.")), "log-in", ""),
    "subscription.poll_requested": (_says(gettext_noop("Asked the publisher out of turn.")), "refresh-cw", ""),
    "subscription.gate_satisfied": (_gate_satisfied, "circle-check", "ok"),
    "subscription.gate_reopened": (_gate_reopened, "undo-2", "attention"),
    "subscription.gate_failed": (_gate_failed, "circle-x", "attention"),
    "subscription.attention_changed": (_attention, "triangle-alert", "wait"),
    "subscription.reminded": (_reminded, "bell", "wait"),
    "subscription.page_sent": (_page_sent, "send", "wait"),
    "subscription.page_revoked": (_page(gettext_noop("Revoked the page sent to {recipient}.")), "mail-x", "attention"),
    "subscription.page_asked_for": (
        _page(gettext_noop("Asked for another page instead of the one sent to {recipient}.")),
        "mail-question-mark",
        "attention",
    ),
    "subscription.setup_answered": (_setup_answered, "message-square-reply", "ok"),
    "letter.changed": (_letter_changed, "mail", ""),
    "subscription.activated": (_activated, "circle-play", "ok"),
    "subscription.renamed": (_says(gettext_noop("Changed the nickname.")), "pencil", ""),
    "subscription.auto_renew_changed": (_auto_renew, "repeat", ""),
    "subscription.quantity_changed": (_quantity, "users", "ok"),
    "subscription.plan_changed": (
        lambda data: _accepted(data, _("Changed the plan.")),
        "layers",
        "ok",
    ),
    "subscription.billing_frequency_changed": (
        _says(gettext_noop("Changed the billing frequency.")),
        "calendar-clock",
        "",
    ),
    "subscription.reseller_changed": (_reseller, "handshake", ""),
    "subscription.renewal_scheduled": (_says(gettext_noop("Scheduled for renewal.")), "calendar-plus", ""),
    "subscription.renewal_unscheduled": (
        _says(gettext_noop("Took back what was scheduled for renewal.")),
        "calendar-x",
        "",
    ),
    "subscription.renewed": (_renewed, "repeat", "ok"),
    "subscription.change_held": (_held, "timer", "wait"),
    "subscription.change_undone": (_undone, "undo-2", ""),
    "subscription.change_requested_of_publisher": (_asked_of_publisher, "send", "wait"),
    "subscription.change_begun_by_publisher": (_begun_by_publisher, "store", "wait"),
    "subscription.change_asked": (_says(gettext_noop("Asked an admin agent for a change.")), "message-circle", "wait"),
    "subscription.change_approved": (_approved, "circle-check", "ok"),
    "subscription.change_declined": (
        _says(gettext_noop("Declined the change request.")),
        "circle-x",
        "attention",
    ),
    "subscription.change_request_void": (_request_void, "circle-slash", ""),
    "subscription.suspended": (_says(gettext_noop("Suspended; auto-renew is off.")), "circle-pause", "attention"),
    "subscription.reinstated": (_says(gettext_noop("Taken up again.")), "circle-play", "ok"),
    "subscription.cancelled": (_cancelled, "ban", "attention"),
    "subscription.voided": (
        _says(gettext_noop("Not activated in time: void, never billed.")),
        "ban",
        "attention",
    ),
    "subscription.expired": (_expired, "ban", "attention"),
    "subscription.credited": (_credited, "undo-2", "attention"),
    "subscription.diverged": (_diverged, "radar", "attention"),
    "subscription.divergence_ended": (_divergence_ended, "circle-check", ""),
    "subscription.renewal_announced": (_renewal_announced, "bell", ""),
    "subscription.noted": (_noted, "sticky-note", ""),
    "subscription.attention_assigned": (_attention_assigned, "user-check", ""),
    "subscription.attention_snoozed": (_attention_snoozed, "alarm-clock", ""),
    "subscription.attention_woken": (_says(gettext_noop("No longer put aside.")), "alarm-clock-off", ""),
    "subscription.change_let_be": (_let_be, "circle-check", ""),
    "operation.succeeded": (_operation_succeeded, "circle-check", "ok"),
    "operation.failed": (_operation_failed, "circle-x", "attention"),
    "operation.refused": (_operation_refused, "circle-x", "attention"),
    "cart.created": (_says(gettext_noop("Started a cart.")), "shopping-cart", ""),
    "cart.replaced": (_says(gettext_noop("Changed a cart.")), "shopping-cart", ""),
    "cart.attested": (_says(gettext_noop("Attested the partner role for a cart.")), "shopping-cart", ""),
    "cart.ordered": (_cart_ordered, "shopping-cart", ""),
    "customer.created": (_says(gettext_noop("The customer was added.")), "building-2", ""),
    "customer.changed": (_says(gettext_noop("Changed the customer's data.")), "building-2", ""),
    "customer.contact_erased": (_says(gettext_noop("Erased the customer's contact.")), "building-2", "attention"),
    "customer.relationship_ended": (
        _says(gettext_noop("Ended the relationship with the customer.")),
        "building-2",
        "attention",
    ),
    "customer.relationship_resumed": (
        _says(gettext_noop("Took up the relationship with the customer again.")),
        "building-2",
        "ok",
    ),
    "reseller.created": (_says(gettext_noop("The indirect reseller was added.")), "handshake", ""),
    "reseller.changed": (_says(gettext_noop("Changed the indirect reseller's data.")), "handshake", ""),
    "reseller.suspended": (_says(gettext_noop("Suspended the indirect reseller.")), "handshake", "attention"),
    "reseller.reinstated": (_says(gettext_noop("Took up the indirect reseller again.")), "handshake", "ok"),
    "publisher.registered": (_says(gettext_noop("The publisher was registered.")), "store", ""),
    "publisher.changed": (_says(gettext_noop("Changed the publisher's data.")), "store", ""),
    "hub.policies_changed": (_says(gettext_noop("Changed the policies of the hub.")), "store", ""),
    "publisher.circuit_opened": (_circuit_opened, "circle-pause", "attention"),
    "publisher.circuit_closed": (_says(gettext_noop("It answers again and is asked as before.")), "circle-play", "ok"),
    "publisher.try_requested": (
        _says(gettext_noop("Let it be asked once before the pause is over.")),
        "refresh-cw",
        "",
    ),
    "publisher.attention_assigned": (_attention_assigned, "user-check", ""),
    "publisher.attention_snoozed": (_attention_snoozed, "alarm-clock", ""),
    "publisher.attention_woken": (_says(gettext_noop("No longer put aside.")), "alarm-clock-off", ""),
    "publisher.secret_made": (_secret_made, "key-round", ""),
    "publisher.secret_revoked": (_secret_revoked, "key-round", "attention"),
    "publisher.secret_expiring": (_secret_expiring, "key-round", "attention"),
    "publisher.tested": (_tested, "stethoscope", ""),
    "signing_key.rotated": (
        _says(gettext_noop("Made a new key for signing tokens.")),
        "key-round",
        "",
    ),
    "signing_key.withdrawn": (
        _says(gettext_noop("Withdrew a key for signing tokens: what it signed is refused.")),
        "shield-alert",
        "attention",
    ),
    "client.created": (_client_created, "key-round", ""),
    "client.secret_rotated": (_says(gettext_noop("Replaced the secret of the API client.")), "key-round", ""),
    "client.secret_revoked": (_says(gettext_noop("Revoked a secret of the API client.")), "key-round", "attention"),
    "client.scope_changed": (
        _says(gettext_noop("Changed which customers the API client sees.")),
        "key-round",
        "attention",
    ),
    "client.revoked": (_says(gettext_noop("Revoked the API client.")), "key-round", "attention"),
    "personal_token.made": (_view(gettext_noop("Made the personal token “{name}”.")), "key-round", ""),
    "personal_token.revoked": (_view(gettext_noop("Revoked the personal token “{name}”.")), "key-round", "attention"),
    "webhook.registered": (_hook(gettext_noop("{program} registered a webhook at {host}: {events}.")), "webhook", ""),
    "webhook.changed": (_hook(gettext_noop("{program} changed its webhook at {host}: {events}.")), "webhook", ""),
    "webhook.removed": (_hook(gettext_noop("{program} removed its webhook.")), "webhook", ""),
    "notification_channel.added": (_view(gettext_noop("Added a way to be notified: {name}.")), "bell-ring", ""),
    "notification_channel.removed": (_view(gettext_noop("Removed a way to be notified: {name}.")), "bell-ring", ""),
    "delivery.retried": (_says(gettext_noop("Had an event delivered anew to a part of the hub.")), "send", ""),
    "mail.retried": (_says(gettext_noop("Had a mail sent anew that had not gone out.")), "send", ""),
    "webhook.sent_again": (_hook(gettext_noop("Sent {event} to {program} again.")), "send", ""),
    "user.role_switched": (_role_switched, "user-cog", ""),
    "user.created": (_agent(gettext_noop("Made {name} ({email}) an agent: {roles}.")), "user-plus", ""),
    "user.changed": (_agent_changed, "user-cog", "attention"),
    "user.erased": (_says(gettext_noop("Erased the person; what they did stays on record.")), "user-x", "attention"),
    "user.deactivated": (
        _says(gettext_noop("Deactivated the agent: sessions and personal tokens ended.")),
        "user-x",
        "attention",
    ),
    "user.reactivated": (_says(gettext_noop("Let the agent in again.")), "user-check", "ok"),
    "user.signed_in": (_signed_in, "log-in", ""),
    "user.sign_in_refused": (
        _says(gettext_noop("Proved who it was, and was not let in.")),
        "shield-x",
        "attention",
    ),
    "user.sign_ins_held_back": (
        _says(gettext_noop("Too many failed sign-ins: no more are looked at for a while.")),
        "shield-x",
        "attention",
    ),
    "user.second_factor_added": (_factor(gettext_noop("Added a second factor: {factor}.")), "shield-plus", ""),
    "user.second_factor_removed": (
        _factor(gettext_noop("Removed a second factor: {factor}.")),
        "shield-minus",
        "attention",
    ),
    "user.second_factors_forgotten": (
        _says(gettext_noop("Removed all second factors of an agent who had lost them.")),
        "shield-minus",
        "attention",
    ),
    "user.recovery_codes_made": (_says(gettext_noop("Made new recovery codes.")), "shield-plus", ""),
    "user.password_reset_asked": (_says(gettext_noop("A link for a new password was asked for.")), "mail", ""),
    "user.password_changed": (_says(gettext_noop("Changed the password.")), "key-round", "attention"),
    "user.sessions_ended": (_sessions_ended, "log-out", ""),
    "invitation.sent": (_agent(gettext_noop("Invited {name} ({email}): {roles}.")), "mail", ""),
    "invitation.sent_again": (_agent(gettext_noop("Sent the invitation of {email} again.")), "mail", ""),
    "invitation.revoked": (_agent(gettext_noop("Revoked the invitation of {email}.")), "mail-x", "attention"),
    "invitation.accepted": (_says(gettext_noop("Accepted the invitation.")), "user-plus", "ok"),
    "saved_view.added": (_view(gettext_noop("Saved the view “{name}”.")), "bookmark", ""),
    "saved_view.changed": (_view(gettext_noop("Changed the saved view “{name}”.")), "bookmark", ""),
    "saved_view.deleted": (_view(gettext_noop("Deleted the saved view “{name}”.")), "bookmark", ""),
    "invoice.drafted": (_says(gettext_noop("Drafted the invoice.")), "receipt", ""),
    "invoice.held": (_says(gettext_noop("Held the invoice.")), "circle-pause", "attention"),
    "invoice.released": (_says(gettext_noop("Released the invoice.")), "circle-play", ""),
    "invoice.finalized": (_invoice_finalized, "receipt", "ok"),
    "invoice.voided": (_says(gettext_noop("Dropped the draft of the invoice.")), "ban", "attention"),
    "invoice.credited": (_invoice_credited, "undo-2", "attention"),
    "invoice.paid": (_says(gettext_noop("Marked the invoice as paid.")), "circle-check", "ok"),
    "statement.imported": (_says(gettext_noop("Took over a publisher's statement.")), "receipt", ""),
    "invoice.unpaid": (_says(gettext_noop("Marked the invoice as not paid.")), "undo-2", "attention"),
    "job.confirmed": (_says(gettext_noop("Started a job.")), "list-checks", ""),
    "job.paused": (_says(gettext_noop("Paused the job.")), "list-checks", ""),
    "job.resumed": (_says(gettext_noop("Resumed the job.")), "list-checks", ""),
    "job.retried": (_says(gettext_noop("Started the failed rows of the job again.")), "list-checks", ""),
    "job.stopped": (_says(gettext_noop("The job was stopped.")), "list-checks", "attention"),
    "job.finished": (_says(gettext_noop("The job is finished.")), "list-checks", "ok"),
}


def sentence_of_event(name: str, data: Data) -> tuple[str, str, str]:
    """Sentence, icon and tone of an event; one of another version is told by its name."""
    tell, icon, tone = TOLD.get(name, (lambda data: name, "circle-dot", _NEUTRAL))
    return tell(data), icon, tone


def refused_sentence(tried: str, why: str) -> str:
    """An attempt that was refused: what it was, where its name is known, and why not."""
    if tried not in ACTS:
        return _("Refused: {why}").format(why=why)
    return _("{what} was refused: {why}").format(what=ACTS[tried][1], why=why)


def role_shown(role: str) -> str:
    """The role of an entry; none for the hub's own work."""
    return "" if role == Role.SYSTEM else role
