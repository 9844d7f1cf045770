"""The pages people see: plain HTML forms that need no script."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zlib import crc32

from publishers.demo.config import Publisher
from publishers.demo.desk import why_not_confirm
from publishers.demo.html import NOTHING, Markup, html, join
from publishers.demo.orders import Adapter, Operation, Order, Status
from publishers.demo.personalities import personality_of

LISTED_SEATS = 100
ACCENTS = 4
DONE = Markup('<span class="tag done">✓ Done</span>')
TODO = Markup('<span class="tag todo">○ To do</span>')
NEWS = {
    "details": "The set-up details are saved.",
    "licences": "The licences are assigned.",
    "confirm": "The set-up is confirmed.",
    "changes": "The marketplace gets your decision.",
    "resize": "The licences are changed here. The marketplace was told nothing.",
}

FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/site.css">
</head>
<body class="accent-{accent}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><span class="mark" aria-hidden="true">{initial}</span><span class="brand">{brand}</span></header>
<main id="main" tabindex="-1">
{body}
</main>
<footer>{brand} is a demonstration vendor. Nothing you enter here leaves this machine.</footer>
</body>
</html>
"""


@dataclass
class Form:
    """What was typed and could not be accepted: values by field name, the sentence, and the field it is about."""

    error: str | None = None
    about: str | None = None
    values: dict[str, str] = field(default_factory=dict)


def frame(brand: str, title: str, body: Markup) -> str:
    accent = crc32(brand.encode()) % ACCENTS
    return html(FRAME, title=title, brand=brand, initial=brand[:1].upper(), accent=accent, body=body)


def notice(brand: str, heading: str, sentences: list[str]) -> str:
    """A page that only says something."""
    text = join(html("<p>{sentence}</p>", sentence=sentence) for sentence in sentences)
    body = html('<section class="card notice"><h1>{heading}</h1>\n{text}</section>', heading=heading, text=text)
    return frame(brand, f"{heading} - {brand}", body)


def order_page(publisher: Publisher, order: Order, news: str | None, form: Form) -> str:
    verb = "Set up" if order.status is Status.PENDING else "Manage"
    heading = f"{verb} {order.name}"
    parts = [html("<h1>{heading}</h1>", heading=heading), banner(order, form), summary(order)]
    if order.status is not Status.UNSUBSCRIBED:
        parts += [
            requested_change(publisher, order, news),
            details_step(order, news, form),
            licences_step(order, news, form),
            confirm_step(publisher, order, news),
            by_hand(order, news, form),
        ]
    parts.append(heard(publisher, order))
    title = f"{heading} - {publisher.name}"
    return frame(publisher.name, f"Error: {title}" if form.error else title, join(parts))


def banner(order: Order, form: Form) -> Markup:
    if form.error:
        return html('<p class="banner bad" role="alert"><strong>Not done:</strong> {text}</p>', text=form.error)
    if order.status is Status.UNSUBSCRIBED:
        text = order.message or "This order is closed."
        return html('<p class="banner bad" role="status"><strong>Closed:</strong> {text}</p>', text=text)
    note = personality_of(order.offer_id).note
    if note and order.status is Status.PENDING:
        return html('<p class="ask" role="status">{text}</p>', text=note)
    return NOTHING


def report(news: str | None, name: str) -> Markup:
    """That the step with this name has just been saved, said where the browser scrolls to."""
    if news != name:
        return NOTHING
    return html('<p class="banner good" role="status"><strong>Done:</strong> {text}</p>', text=NEWS[name])


def summary(order: Order) -> Markup:
    people = {"Customer": order.purchase.get("beneficiary"), "Bought by": order.purchase.get("purchaser")}
    rows: dict[str, object] = {"Offer": order.offer_id, "Plan": order.plan_id}
    rows["Licences"] = "Flat rate" if order.seats is None else order.quantity
    rows |= {label: person["emailId"] for label, person in people.items() if person and person.get("emailId")}
    rows["Order number"] = order.id
    return html(
        '<section class="card" aria-labelledby="order"><h2 id="order">Your order</h2>\n{rows}</section>',
        rows=facts(rows),
    )


def facts(rows: dict[str, object]) -> Markup:
    pairs = join(html("<div><dt>{label}</dt><dd>{value}</dd></div>", label=label, value=rows[label]) for label in rows)
    return html("<dl>{pairs}</dl>", pairs=pairs)


def step(name: str, number: int, heading: str, done: bool, body: Markup) -> Markup:
    return html(
        '<section class="card step" id="{name}" aria-labelledby="{name}-heading">'
        '<div class="head"><h2 id="{name}-heading">{number}. {heading}</h2>{tag}</div>\n{body}</section>',
        name=name,
        number=number,
        heading=heading,
        tag=TODO if not done else DONE,
        body=body,
    )


def action(order: Order, name: str, body: Markup) -> Markup:
    return html(
        '<form method="post" action="/{slug}/orders/{id}/{name}" novalidate>'
        '<input type="hidden" name="k" value="{key}">\n{body}</form>',
        slug=order.slug,
        id=order.id,
        name=name,
        key=order.key,
        body=body,
    )


def requested_change(publisher: Publisher, order: Order, news: str | None) -> Markup:
    """The change that the marketplace asks for, with both answers; nothing when none waits for a person."""
    pending = order.awaits_decision
    if pending is None:
        said = report(news, "changes")
        return html('<div id="changes">{said}</div>', said=said) if said else NOTHING
    fields = html(
        '<p class="field"><label for="reason">Reason, if you refuse <span class="hint">(optional)</span></label>'
        '<input id="reason" name="reason" maxlength="200" autocomplete="off"></p>'
        '<p><button type="submit" name="decision" value="accept">Accept</button> '
        '<button type="submit" class="quiet" name="decision" value="refuse">Refuse</button></p>'
    )
    return html(
        '<section class="card" id="changes" aria-labelledby="changes-heading">'
        '<h2 id="changes-heading">The marketplace asks for a change</h2>'
        "<p>{what}</p><p>{until}</p>{form}</section>",
        what=change_in_words(order, pending),
        until=deadline_in_words(publisher, pending),
        form=action(order, "changes", fields),
    )


def change_in_words(order: Order, pending: Operation) -> str:
    if pending.plan_id:
        return f"Plan {pending.plan_id} instead of {order.plan_id}."
    return f"{pending.quantity} licences instead of {order.quantity}; {order.assigned} are assigned."


def deadline_in_words(publisher: Publisher, pending: Operation) -> str:
    asked = f"Asked on {moment(pending.asked_at)}."
    if pending.notified:
        return f"{asked} Without an answer within 10 seconds the marketplace decides by itself."
    return f"{asked} It goes through by itself on {moment(pending.due_at)}." if pending.due_at else asked


def details_step(order: Order, news: str | None, form: Form) -> Markup:
    fields = [
        text_field(order, form, "company", "Company display name", "organization"),
        text_field(order, form, "email", "Administrator's e-mail", "email", "email"),
    ]
    if personality_of(order.offer_id).asks_for_vat:
        fields.append(text_field(order, form, "vat_number", "VAT number", "off"))
    question = html('<p class="ask">{text}</p>', text=order.question) if order.question else NOTHING
    done = order.details is not None and not order.question
    button = Markup(f'<p><button type="submit"{" class=quiet" if done else ""}>Save the details</button></p>')
    asked = action(order, "details", join([*fields, button]))
    return step("details", 1, "Set-up details", done, join([report(news, "details"), question, asked]))


def text_field(order: Order, form: Form, name: str, label: str, autocomplete: str, kind: str = "text") -> Markup:
    value = form.values.get(name, (order.details or {}).get(name, ""))
    return html(
        '<p class="field"><label for="{name}">{label} <span class="hint">(required)</span></label>'
        '<input id="{name}" name="{name}" type="{kind}" value="{value}" autocomplete="{autocomplete}" required{flaw}>'
        "{error}</p>",
        name=name,
        label=label,
        kind=kind,
        value=value,
        autocomplete=autocomplete,
        flaw=flaw(form, name),
        error=field_error(form, name),
    )


def flaw(form: Form, name: str) -> Markup:
    return html(' aria-invalid="true" aria-describedby="{name}-error"', name=name) if form.about == name else NOTHING


def field_error(form: Form, name: str) -> Markup:
    if form.about != name:
        return NOTHING
    return html('<span class="error" id="{name}-error">{error}</span>', name=name, error=form.error)


def licences_step(order: Order, news: str | None, form: Form) -> Markup:
    if order.seats is None:
        text = Markup("<p>This plan has a flat rate: there are no licences to assign.</p>")
        return step("licences", 2, "Licences", True, text)
    sentence = "<p>{assigned} of {quantity} licences are assigned.</p>"
    counted = html(sentence, assigned=order.assigned, quantity=order.quantity)
    body = join(
        [report(news, "licences"), counted, action(order, "assign", join([toolbar(order), seat_table(order, form)]))]
    )
    return step("licences", 2, "Licences", order.free == 0, body)


def toolbar(order: Order) -> Markup:
    if not order.free:
        return NOTHING
    which = f"the remaining {order.free}" if order.assigned else f"all {order.quantity}"
    label = f"Assign {which} licences" if order.free > 1 else "Assign the last free licence"
    # Enter in an address field presses the first button of a form: let it assign what was typed, not everything.
    return html(
        '<button type="submit" name="typed" value="1" class="unseen" tabindex="-1" aria-hidden="true">Assign</button>'
        '<p><button type="submit" name="all" value="1">{label}</button></p>',
        label=label,
    )


def seat_table(order: Order, form: Form) -> Markup:
    seats = (order.seats or [])[:LISTED_SEATS]
    rows = join(seat_row(order, form, number, seat) for number, seat in enumerate(seats, start=1))
    hidden = (order.quantity or 0) - len(seats)
    more = html('<p class="hint">{hidden} more licences are not listed here.</p>', hidden=hidden) if hidden else NOTHING
    return html(
        '<table><caption class="unseen">Licences and the people who have them</caption>'
        '<thead><tr><th scope="col">Licence</th><th scope="col">User</th><th scope="col">State</th></tr></thead>'
        "<tbody>{rows}</tbody></table>{more}",
        rows=rows,
        more=more,
    )


def seat_row(order: Order, form: Form, number: int, seat: str | None) -> Markup:
    if seat:
        row = '<tr><th scope="row">{number}</th><td>{seat}</td><td><span class="tag done">✓ Assigned</span></td></tr>'
        return html(row, number=number, seat=seat)
    name = f"email-{number}"
    return html(
        '<tr><th scope="row">{number}</th><td><input name="{name}" type="email" value="{value}" autocomplete="off"'
        ' aria-label="E-mail of the user of licence {number}"{flaw}>{error}</td>'
        '<td><button type="submit" class="quiet" name="seat" value="{number}">'
        'Assign<span class="unseen"> licence {number}</span></button></td></tr>',
        number=number,
        name=name,
        value=form.values.get(name, order.suggested_user(number)),
        flaw=flaw(form, name),
        error=field_error(form, name),
    )


def confirm_step(publisher: Publisher, order: Order, news: str | None) -> Markup:
    if order.confirmed_at:
        text = html("<p>Confirmed on {moment}.</p>", moment=moment(order.confirmed_at))
        return step("confirm", 3, "Confirmation", True, join([report(news, "confirm"), text, last_answer(order)]))
    reason = why_not_confirm(publisher, order)
    why = html('<p id="why" class="hint">{reason}</p>', reason=reason or forecast(publisher, order))
    button = html(
        '<p><button type="submit" aria-describedby="why"{state}>Confirm that the set-up is complete</button></p>',
        state=Markup(' aria-disabled="true"') if reason else NOTHING,
    )
    return step("confirm", 3, "Confirmation", False, join([last_answer(order), why, action(order, "confirm", button)]))


def by_hand(order: Order, news: str | None, form: Form) -> Markup:
    """What a vendor's support may do on the telephone: another number of licences, past the marketplace."""
    if order.seats is None or not order.confirmed_at:
        return NOTHING
    field = html(
        '<p class="field"><label for="quantity">Licences</label><input id="quantity" name="quantity"'
        ' inputmode="numeric" autocomplete="off" value="{value}"{flaw}>{error}</p>'
        '<p><button type="submit" class="quiet">Change the licences</button></p>',
        value=form.values.get("quantity", str(order.quantity)),
        flaw=flaw(form, "quantity"),
        error=field_error(form, "quantity"),
    )
    return html(
        '<section class="card" id="resize" aria-labelledby="resize-heading">'
        '<h2 id="resize-heading">Another number of licences, by hand</h2>{news}'
        '<p class="hint">For our own people: the marketplace did not order it and is told nothing.</p>{form}</section>',
        news=report(news, "resize"),
        form=action(order, "resize", field),
    )


def forecast(publisher: Publisher, order: Order) -> str:
    """What confirming now will tell the marketplace."""
    licences = "" if order.seats is None else f"{order.assigned} of {order.quantity} licences assigned"
    match publisher.adapter:
        case Adapter.POLL:
            said = f"Subscribed, {licences}" if licences else "Subscribed"
            return f"When the marketplace asks us next, it will read: {said}."
        case Adapter.PUSH:
            bought = f" with {order.quantity} licences" if licences else ""
            return f"We will tell the marketplace to activate plan {order.plan_id}{bought}."
        case Adapter.BOTH:
            read = f" It reads the licences from us: {licences}." if licences else ""
            return f"We will tell the marketplace to activate plan {order.plan_id}.{read}"


def last_answer(order: Order) -> Markup:
    if order.answer is None:
        return NOTHING
    answer = order.answer
    outcome = "accepted our confirmation" if answer.status == 200 else "did not accept our confirmation"
    status = f" (HTTP {answer.status})" if answer.status else ""
    words = f" It said: {answer.message}" if answer.message else ""
    again = " We ask again by ourselves." if answer.retry_at and not order.confirmed_at else ""
    text = f"On {moment(answer.at)} the marketplace {outcome}{status}.{words}{again}"
    return html('<p class="answer {css}">{text}</p>', css="good" if answer.status == 200 else "bad", text=text)


def heard(publisher: Publisher, order: Order) -> Markup:
    rows: dict[str, object] = {"Status": order.status.value}
    if order.seats is not None:
        rows["Assigned licences"] = f"{order.assigned} of {order.quantity}"
    if order.message or order.question:
        rows["Message"] = order.message or order.question
    if order.pending_operation:
        rows["In progress"] = order.pending_operation.action
    polls = publisher.adapter is not Adapter.PUSH
    lead = "It asks us from time to time." if polls else "It is told when the set-up is confirmed."
    return html(
        '<section class="card" aria-labelledby="heard"><h2 id="heard">What the marketplace hears from us</h2>'
        '<p class="hint">{lead}</p>{rows}<p><a href="?k={key}">Look again</a></p></section>',
        lead=lead, rows=facts(rows), key=order.key,
    )  # fmt: skip


def moment(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%-d %B %Y, %H:%M:%S UTC")
