"""What it costs to render the fifty rows of a list: `python -m bench.rendering --help`.

Ours (`row_of` and the columns), the very same HTML out of f-strings that know only English and look nothing up, and a
Django template as it is usually written, with `{% url %}`, filters and attributes in its loop. All get the same objects
and read no database; each must say the same, and f-strings must write the same bytes. Rounds are interleaved.
"""

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import escape, unescape
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
os.environ.setdefault("HUB_ENV", "test")

import django

django.setup()

from django.template import engines  # noqa: E402 - once Django is there

from accounts.policy import Actor, Role  # noqa: E402
from bench.figures import Absolute, Ratio, conditions, written  # noqa: E402
from customers.models import Customer  # noqa: E402
from partnerhub.web.templatetags.hub import icon  # noqa: E402
from partnerhub.web.wording import voice  # noqa: E402
from publishers.models import BillingCycle, Offer, Plan, PlanTerm, Pricing, Publisher, Term  # noqa: E402
from subscriptions.enums import Status  # noqa: E402
from subscriptions.models import Subscription  # noqa: E402
from subscriptions.views.columns import COLUMNS, filled  # noqa: E402
from subscriptions.views.rows import row_of  # noqa: E402

ROWS = 50
BOUGHT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AGENT = Actor("user", str(UUID(int=1)), "Agent", Role.ADMIN_AGENT, (Role.ADMIN_AGENT,), "agent@example.com", None)
# With the offer, which leads every row, nine.
SHOWN = [COLUMNS[name] for name in (
    "customer", "publisher", "plan", "quantity", "status", "billing", "renewal", "purchased",
)]  # fmt: skip
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOOK, ACTIVE, AWAY = icon("panel-right-open"), icon("circle-check"), icon("external-link")
Way = Callable[[Sequence[Subscription]], str]


def ours(rows: Sequence[Subscription]) -> str:
    cells, say = [(column, column.opening) for column in SHOWN], voice()
    return "\n      ".join([filled(row_of(each, AGENT, say), each, cells, say).html for each in rows])


def by_f_strings(rows: Sequence[Subscription]) -> str:
    return "\n      ".join([_row(each) for each in rows])


def _row(s: Subscription) -> str:
    key, nickname, amount = s.pk, escape(s.nickname), s.unit_price * s.quantity
    return f"""<tr data-row="{key}">
        <td class="pick"><div><input type="checkbox" name="ids" value="{key}" aria-label="Select {nickname}">\
<button class="copy" type="button" hx-get="/subscriptions/{key}/peek/" hx-target="#hub-dialog" data-peek data-needs-js \
hidden aria-label="Look at {nickname}">{LOOK}</button></div></td>
        <th scope="row"><div><a class="row-link" href="/subscriptions/{key}/">{escape(s.offer.title)}</a>\
<span class="sub">{nickname}</span></div></th>
        <td data-label="Customer"><div><a href="/customers/{s.customer_id}/">{escape(s.customer.name)}</a></div></td>
        <td data-label="Publisher"><div>{escape(s.publisher.name)}<span class="sub"><a class="out" href="/go/{key}" \
target="_blank" rel="noopener noreferrer nofollow">Go to publisher&#x27;s site{AWAY}<span class="sr">: {nickname} \
(opens a new tab)</span></a></span></div></td>
        <td data-label="Plan"><div>{escape(s.plan.title)}</div></td>
        <td data-label="Quantity" class="number"><div>{s.quantity}</div></td>
        <td data-label="Status"><div><span class="status" data-tone="ok">{ACTIVE}Active</span>
</div></td>
        <td data-label="Billing"><div>€{amount:,.2f} per month<span class="sub">billed from {_day(s.term_start)}</span>\
</div></td>
        <td data-label="Renewal or end"><div>Renews on {_day(s.term_end)}<span class="sub">Auto-renew on </span></div>\
</td>
        <td data-label="Bought"><div>{_day(s.purchased_at.date())}</div></td>
      </tr>"""  # noqa: S608 - HTML, no SQL


def _day(day: date | None) -> str:
    return f'<time datetime="{day}">{day.day} {MONTHS[day.month]} {day.year}</time>' if day else ""


_TEMPLATE = """{% load i18n %}{% for s in rows %}<tr data-row="{{ s.pk }}">
  <td class="pick"><div><input type="checkbox" name="ids" value="{{ s.pk }}" aria-label="{% blocktranslate with name=s.nickname %}Select {{ name }}{% endblocktranslate %}"><button class="copy" type="button" hx-get="{% url "subscriptions:peek" s.pk %}" hx-target="#hub-dialog" data-peek data-needs-js hidden aria-label="{% blocktranslate with name=s.nickname %}Look at {{ name }}{% endblocktranslate %}">{% icon "panel-right-open" %}</button></div></td>
  <th scope="row"><div><a class="row-link" href="{% url "subscriptions:detail" s.pk %}">{{ s.offer.title }}</a>{% if s.nickname %}<span class="sub">{{ s.nickname }}</span>{% endif %}</div></th>
  <td data-label="{% translate "Customer" %}"><div><a href="{% url "customers:marketplace" s.customer.pk %}">{{ s.customer.name }}</a></div></td>
  <td data-label="{% translate "Publisher" %}"><div>{{ s.publisher.name }}<span class="sub"><a class="out" href="{% url "go" s.pk %}" target="_blank" rel="noopener noreferrer nofollow">{% translate "Go to publisher's site" %}{% icon "external-link" %}<span class="sr">: {{ s.nickname }} {% translate "(opens a new tab)" %}</span></a></span></div></td>
  <td data-label="{% translate "Plan" %}"><div>{{ s.plan.title }}</div></td>
  <td class="number" data-label="{% translate "Quantity" %}"><div>{{ s.quantity }}</div></td>
  <td data-label="{% translate "Status" %}"><div>{% if s.status == "subscribed" %}{% translate "Active" as word %}{% include "components/status.html" with tone="ok" %}{% endif %}</div></td>
  <td data-label="{% translate "Billing" %}"><div>€{{ s.amount|floatformat:"2g" }} {% translate "per month" %}<span class="sub">{% translate "billed from" %} <time datetime="{{ s.term_start|date:"c" }}">{{ s.term_start|date:"j M Y" }}</time></span></div></td>
  <td data-label="{% translate "Renewal or end" %}"><div>{% if s.auto_renew %}{% translate "Renews on" %}{% else %}{% translate "Ends on" %}{% endif %} <time datetime="{{ s.term_end|date:"c" }}">{{ s.term_end|date:"j M Y" }}</time><span class="sub">{% if s.auto_renew %}{% translate "Auto-renew on" %}{% else %}{% translate "Auto-renew off" %}{% endif %}</span></div></td>
  <td data-label="{% translate "Bought" %}"><div><time datetime="{{ s.purchased_at|date:"c" }}">{{ s.purchased_at|date:"j M Y" }}</time></div></td>
</tr>{% endfor %}"""  # noqa: E501 - as such templates are written


def naive() -> Way:
    template = engines["django"].from_string(_TEMPLATE)
    return lambda rows: str(template.render({"rows": rows}))


def table() -> list[Subscription]:
    """Active subscriptions with all that a row tells of them, in memory alone."""
    return [_subscription(number) for number in range(ROWS)]


def _subscription(number: int) -> Subscription:
    publisher = Publisher(id=UUID(int=number % 5 + 1), name=f"Publisher {number % 5} & Sons")
    offer = Offer(id=UUID(int=number % 9 + 1), title=f"Desk {number % 9} <Pro>", publisher=publisher)
    plan = Plan(id=UUID(int=number % 9 + 1), title=f"Business {number % 9}", offer=offer, pricing=Pricing.PER_USER)
    term = PlanTerm(id=UUID(int=1), plan=plan, term=Term.P1Y, billing_cycle=BillingCycle.MONTHLY)
    begins = date(2026, 3, 3) + timedelta(days=number)
    made = Subscription(
        id=UUID(int=10**30 + number), nickname=f"Team “{number}” at O'Neill", quantity=10 + number,
        status=Status.SUBSCRIBED,
        customer=Customer(id=UUID(int=10**20 + number), name=f"Werkstatt Nr. {number} GmbH & Co. KG"),
        publisher=publisher, offer=offer, plan=plan, plan_term=term, unit_price=Decimal("117.6000"), currency="EUR",
        purchased_at=BOUGHT, activated_at=BOUGHT + timedelta(days=1), term_start=begins,
        term_end=begins.replace(year=2027), term_anchor=begins,
    )  # fmt: skip
    made.amount = made.unit_price * made.quantity  # type: ignore[attr-defined]  # for the naive template
    return made


def main() -> None:
    given = _arguments()
    rows, ways = table(), {"ours": ours, "f-strings": by_f_strings, "naive template": naive()}
    _prove_alike(*(way(rows) for way in ways.values()))
    rounds = [{name: _milliseconds(way, rows, given.times) for name, way in ways.items()} for _ in range(given.rounds)]
    to_limit = [one["ours"] / one["f-strings"] for one in rounds]
    to_naive = [one["ours"] / one["naive template"] for one in rounds]
    written(
        given.json,
        "rendering",
        conditions=conditions(rows=ROWS, columns=len(SHOWN) + 1),
        ratios=[
            Ratio("E1", "fifty rows, ours ÷ f-strings", to_limit, 5, 4, "lower"),
            Ratio("E1", "fifty rows, ours ÷ naive template", to_naive, 0.25, 0.18, "lower"),
        ],
        absolute=[Absolute(f"fifty rows, {name}", "ms", [one[name] for one in rounds]) for name in ways],
    )


def _prove_alike(made: str, written_out: str, usual: str) -> None:
    if made != written_out:
        place = next(at for at, (one, other) in enumerate(zip(made, written_out, strict=False)) if one != other)
        raise RuntimeError(f"ours differs from f-strings: {made[place - 80 : place + 80]!r}")
    if _words(made) != _words(usual):
        raise RuntimeError("the naive template says something else")


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def _milliseconds(way: Way, rows: Sequence[Subscription], times: int) -> float:
    """CPU milliseconds of one rendering, the median of so many."""
    taken = []
    for _ in range(times):
        began = time.process_time_ns()
        way(rows)
        taken.append((time.process_time_ns() - began) / 1e6)
    return statistics.median(taken)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure rendering alone.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times", type=int, default=60, help="renderings of each way in a round")
    parser.add_argument("--json", type=Path, help="where to write everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
