"""Filling a database for measuring: whole sets in SQL, every constraint on.

Events and charges are left out: each is chained to its predecessor by a hash that only the services compute.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from subscriptions.enums import EndReason, GateName, GateState, NextAction, Owner, Reason, Status, TrancheCause

BATCH = 10_000

# 3 countries and currencies, 5 offers a publisher, 2 plans an offer, 2 terms a plan.
_WORLD = """
CREATE TEMP TABLE seed_customer AS
SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS cart_id,
       (ARRAY['DE', 'PL', 'US'])[n %% 3 + 1] AS country, (ARRAY['EUR', 'PLN', 'USD'])[n %% 3 + 1] AS currency
  FROM generate_series(0, %(customers)s - 1) AS n;

INSERT INTO customers_customer
  (id, name, domain, country, currency, language, vat_id, billing_first_name, billing_last_name, billing_email,
   address_line, city, region, postal_code, beneficiary_name, beneficiary_email, beneficiary_object_id, tenant_id,
   created_at, version)
SELECT id, (ARRAY['Werkstatt', 'Spółka', 'Company', 'Bäckerei', 'Zakład'])[n %% 5 + 1] || ' ' || %(tag)s || '-' || n,
       'c' || n || '-' || %(tag)s || '.example', country, currency, CASE country WHEN 'PL' THEN 'pl' ELSE 'en' END, '',
       'Alex', 'Example', 'billing@c' || n || '.example', 'Example Street ' || n, 'Example', '', '00-000',
       'IT desk', 'it@c' || n || '.example', gen_random_uuid(), gen_random_uuid(),
       %(at)s::timestamptz - interval '400 days', 1
  FROM seed_customer;

INSERT INTO subscriptions_cart
  (id, customer_id, status, attested, created_by, created_by_id, created_at, modified_at, expires_at, ordered_at)
SELECT cart_id, id, 'ordered', true, 'Seed', 'seed', began, began, began + interval '7 days', began
  FROM seed_customer, (SELECT %(at)s::timestamptz - interval '400 days' AS began);

CREATE TEMP TABLE seed_publisher AS
SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS client_id FROM generate_series(0, %(publishers)s - 1) AS n;

INSERT INTO accounts_client (id, tenant_id, name, role, is_active, created_at)
SELECT client_id, gen_random_uuid(), 'Publisher ' || %(tag)s || '-' || n, 'publisher', true, %(at)s FROM seed_publisher;

INSERT INTO publishers_publisher
  (id, name, adapter, fulfillment_base_url, landing_url, webhook_url, client_id, contact_email, max_concurrency,
   circuit, consecutive_failures, last_failure, created_at)
SELECT id, 'Publisher ' || %(tag)s || '-' || n, 'saas_v2_poll', %(site)s || '/seed-' || n,
       %(site)s || '/seed-' || n || '/landing', '', client_id, '', 20, 'closed', 0, '', %(at)s
  FROM seed_publisher;

CREATE TEMP TABLE seed_term AS
SELECT row_number() OVER (ORDER BY p.n, o, l, t) - 1 AS n, p.id AS publisher_id, p.n AS publisher, o, l, t,
       gen_random_uuid() AS id, upper(substr(md5(concat_ws('/', %(tag)s, p.n, o, l, t)), 1, 12)) AS availability_id
  FROM seed_publisher p, generate_series(1, 5) AS o, generate_series(1, 2) AS l, generate_series(1, 2) AS t;
ALTER TABLE seed_term ADD offer_id uuid, ADD plan_id uuid;
UPDATE seed_term SET offer_id = made.id
  FROM (SELECT DISTINCT ON (publisher, o) publisher, o, gen_random_uuid() AS id FROM seed_term) AS made
 WHERE (made.publisher, made.o) = (seed_term.publisher, seed_term.o);
UPDATE seed_term SET plan_id = made.id
  FROM (SELECT DISTINCT ON (offer_id, l) offer_id, l, gen_random_uuid() AS id FROM seed_term) AS made
 WHERE (made.offer_id, made.l) = (seed_term.offer_id, seed_term.l);

INSERT INTO publishers_offer
  (id, publisher_id, offer_id, product_id, title, description, countries, one_per_customer)
SELECT DISTINCT ON (offer_id) offer_id, publisher_id, 'offer-' || o,
       upper(substr(md5(concat_ws('/', %(tag)s, publisher, o)), 1, 12)),
       (ARRAY['Sign', 'Desk', 'Backup', 'Archive', 'Chat'])[o] || ' ' || %(tag)s || '-' || publisher, '', '{}', false
  FROM seed_term;

INSERT INTO publishers_plan
  (id, offer_id, plan_id, sku_id, title, description, pricing, min_quantity, max_quantity, trial_days)
SELECT DISTINCT ON (plan_id) plan_id, offer_id, 'plan-' || l, '000' || l, 'Plan ' || l, '', 'per_user', 1, 10000, 0
  FROM seed_term;

INSERT INTO publishers_planterm (id, plan_id, term, billing_cycle, availability_id)
SELECT id, plan_id, 'P1Y', (ARRAY['monthly', 'annual'])[t], availability_id FROM seed_term;

CREATE TEMP TABLE seed_price AS
SELECT gen_random_uuid() AS id, seed_term.n AS term, seed_term.id AS plan_term_id, currency,
       round((5 + o * l * t * 1.37)::numeric, 2) AS amount
  FROM seed_term, unnest(ARRAY['EUR', 'PLN', 'USD']) AS currency;

INSERT INTO publishers_price (id, plan_term_id, currency, amount, valid_from)
SELECT id, plan_term_id, currency, amount, %(at)s::timestamptz - interval '400 days' FROM seed_price;

CREATE UNIQUE INDEX ON seed_customer (n);
CREATE UNIQUE INDEX ON seed_price (term, currency);
CREATE UNIQUE INDEX ON seed_term (n);
ANALYZE seed_customer, seed_term, seed_price;
"""

# No trigger is ignored, and that is said outright: where nothing is said, every trigger call fails once inside to find
# out, and each failure walks through all deferred checks of the transaction.
_NO_TRIGGER_IGNORED = "SET LOCAL pgtrigger.ignore = '{}';"

# Of a hundred: 92 active, 5 pending, 2 voided, 1 cancelled before it was confirmed.
_LINES = """
CREATE TEMP TABLE seed_line AS
WITH drawn AS (
  SELECT n, n %% %(customers)s AS customer, (n * 7919) %% %(terms)s AS term, 1 + n %% 40 AS quantity,
         CASE WHEN n %% 100 < 92 THEN %(subscribed)s WHEN n %% 100 < 97 THEN %(pending)s
              ELSE %(unsubscribed)s END AS status,
         CASE WHEN n %% 100 < 97 THEN '' WHEN n %% 100 < 99 THEN %(voided)s ELSE %(cancelled)s END AS end_reason,
         CASE WHEN n %% 100 < 92 THEN interval '350 days' WHEN n %% 100 < 97 THEN interval '25 days'
              ELSE interval '300 days' END * (1 - n::float / %(subscriptions)s)
           + CASE WHEN n %% 100 < 97 THEN interval '1 hour' ELSE interval '31 days' END AS ago
    FROM generate_series(%(first)s, %(last)s) AS n
)
SELECT drawn.*, gen_random_uuid() AS id, gen_random_uuid() AS order_line_id, c.id AS customer_id, c.cart_id, c.currency,
       t.publisher_id, t.offer_id, t.plan_id, t.id AS plan_term_id, p.id AS price_id, p.amount,
       %(at)s::timestamptz - ago AS bought,
       CASE WHEN status = %(subscribed)s THEN %(at)s::timestamptz - ago + interval '40 minutes' END AS active,
       CASE WHEN status = %(unsubscribed)s THEN %(at)s::timestamptz - ago + interval '30 days' END AS ended,
       row_number() OVER (PARTITION BY customer ORDER BY drawn.n) - 1 AS line
  FROM drawn JOIN seed_customer c ON c.n = customer JOIN seed_term t ON t.n = drawn.term
  JOIN seed_price p ON p.term = drawn.term AND p.currency = c.currency;
ANALYZE seed_line;

CREATE TEMP TABLE seed_order AS
SELECT customer_id, cart_id, currency, min(n) AS n, min(bought) AS bought, gen_random_uuid() AS id
  FROM seed_line GROUP BY customer_id, cart_id, currency;

INSERT INTO subscriptions_order (id, number, customer_id, cart_id, order_group, currency, ordered_by, ordered_at)
SELECT id, %(tag)s || lpad(to_hex(n), 8, '0'), customer_id, cart_id, %(first)s::text, currency, 'Seed', bought
  FROM seed_order;

INSERT INTO subscriptions_orderline
  (id, order_id, number, plan_term_id, price_id, unit_price, currency, quantity, nickname)
SELECT order_line_id, o.id, line, plan_term_id, price_id, amount, l.currency, quantity, ''
  FROM seed_line l JOIN seed_order o USING (customer_id);

INSERT INTO subscriptions_subscription
  (id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, unit_price, currency, order_line_id,
   nickname, quantity, auto_renew, one_per_customer, status, purchased_at, activate_by, activated_at, term_start,
   term_anchor, term_end, on_trial, ended_at, end_reason, version)
SELECT id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, amount, currency, order_line_id,
       'Team ' || %(tag)s || '-' || n, quantity, status <> %(unsubscribed)s, false, status, bought,
       bought + interval '30 days', active, (active AT TIME ZONE 'UTC')::date,
       (active AT TIME ZONE 'UTC')::date, ((active AT TIME ZONE 'UTC')::date + interval '1 year')::date, false, ended,
       end_reason, 1
  FROM seed_line ORDER BY n;

INSERT INTO subscriptions_seattranche (subscription_id, quantity, cause, opened_at, reducible_until)
SELECT id, quantity, %(purchase)s, bought, bought + interval '7 days' FROM seed_line;

INSERT INTO subscriptions_gate
  (subscription_id, gate, position, state, satisfied_at, evidence, reason, message, action_url, owner, next_action,
   since, due_at)
SELECT l.id, g.gate, g.position,
       CASE WHEN holds THEN %(satisfied)s WHEN fails THEN %(failed)s ELSE %(gate_pending)s END,
       CASE WHEN holds THEN moment END, CASE WHEN holds THEN '{"source": "seed"}'::jsonb END,
       CASE WHEN holds THEN '' WHEN fails THEN end_reason ELSE %(awaiting)s END, '', '',
       CASE WHEN holds OR fails THEN %(partner)s ELSE %(customer)s END,
       CASE WHEN holds OR fails THEN '' ELSE %(open_site)s END,
       CASE WHEN fails THEN ended ELSE moment END,
       CASE WHEN holds OR fails THEN NULL ELSE bought + interval '30 days' END
  FROM seed_line l
 CROSS JOIN (VALUES (%(ordered)s, 0), (%(licenses)s, 1), (%(configuration)s, 2), (%(not_cancelled)s, 3))
    AS g (gate, position)
 CROSS JOIN LATERAL (
   SELECT CASE g.position WHEN 0 THEN true WHEN 3 THEN ended IS NULL ELSE active IS NOT NULL END AS holds,
          g.position = 3 AND ended IS NOT NULL AS fails,
          CASE WHEN g.position IN (1, 2) THEN coalesce(active, bought) ELSE bought END AS moment
 ) AS judged;

INSERT INTO subscriptions_billingstart
  (id, subscription_id, licenses_assigned_at, configuration_confirmed_at, starts_at, recorded_at)
SELECT gen_random_uuid(), id, active, active, active, active FROM seed_line WHERE active IS NOT NULL;

INSERT INTO subscriptions_pollschedule
  (subscription_id, publisher_id, next_poll_at, fresh_since, attempts, last_outcome, last_detail, etag)
SELECT id, publisher_id, %(at)s::timestamptz + random() * interval '15 minutes', bought, 0, '', '', ''
  FROM seed_line WHERE status = %(pending)s;

DROP TABLE seed_line, seed_order;
"""

_WORDS: dict[str, str] = {
    "subscribed": Status.SUBSCRIBED,
    "pending": Status.PENDING,
    "unsubscribed": Status.UNSUBSCRIBED,
    "voided": EndReason.VOIDED,
    "cancelled": EndReason.CANCELLED,
    "purchase": TrancheCause.PURCHASE,
    "ordered": GateName.ORDERED,
    "licenses": GateName.LICENSES_ASSIGNED,
    "configuration": GateName.CONFIGURATION_CONFIRMED,
    "not_cancelled": GateName.NOT_CANCELLED,
    "satisfied": GateState.SATISFIED,
    "failed": GateState.FAILED,
    "gate_pending": GateState.PENDING,
    "awaiting": Reason.AWAITING_CUSTOMER_SETUP,
    "open_site": NextAction.OPEN_PUBLISHER_SITE,
    "partner": Owner.PARTNER,
    "customer": Owner.CUSTOMER,
}


def seed(
    *,
    subscriptions: int,
    customers: int,
    publishers: int,
    at: datetime,
    tell: Callable[[int], None] = lambda done: None,
) -> None:
    """Add that many of each, all at least 1, bought in the year before `at`; `tell` hears how many there are so far.

    Every run adds its own publishers and customers. A run that is stopped leaves whole batches.
    """
    values = {
        "tag": token_hex(2),
        "site": f"http://127.0.0.1:{settings.HUB_PORT + 1}",
        "at": at,
        "subscriptions": subscriptions,
        "customers": customers,
        "publishers": publishers,
    }
    with transaction.atomic():
        _run(_WORLD, values)
    terms = publishers * 20
    for first in range(0, subscriptions, BATCH):
        last = min(first + BATCH, subscriptions) - 1
        with transaction.atomic():
            _run(_NO_TRIGGER_IGNORED + _LINES, {**values, **_WORDS, "terms": terms, "first": first, "last": last})
        tell(last + 1)
    _run("DROP TABLE seed_customer, seed_publisher, seed_term, seed_price; ANALYZE", {})


def _run(script: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        for statement in _statements(script):
            cursor.execute(statement, values)


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: parameters do not travel with several at once."""
    return (statement for part in script.split(";") if (statement := part.strip()))
