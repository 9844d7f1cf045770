"""Filling a database for measuring: whole sets in SQL, every constraint kept.

Events and charges are left out: each is chained to its predecessor by a hash that only the services compute.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from subscriptions.demo.scale_checks import prove_seeded
from subscriptions.enums import (
    EndReason,
    GateName,
    GateState,
    NextAction,
    OperationAction,
    OperationSource,
    OperationStatus,
    Owner,
    Reason,
    Status,
    TrancheCause,
)

# Orders written by one transaction, and how many transactions write at once.
BATCH = 20_000
WRITERS = 2

# What is sold to whom: 3 countries and currencies, 5 offers a publisher, 2 plans an offer, 2 terms a plan. Ids follow
# from the run's tag, so that every writer can make these tables anew for itself.
_DRAWN = """
CREATE TEMP TABLE seed_customer AS
SELECT n, md5(%(tag)s || ' customer ' || n)::uuid AS id, md5(%(tag)s || ' cart ' || n)::uuid AS cart_id,
       (ARRAY['DE', 'PL', 'US'])[n %% 3 + 1] AS country, (ARRAY['EUR', 'PLN', 'USD'])[n %% 3 + 1] AS currency
  FROM generate_series(0, %(customers)s - 1) AS n;

CREATE TEMP TABLE seed_publisher AS
SELECT n, md5(%(tag)s || ' publisher ' || n)::uuid AS id, md5(%(tag)s || ' client ' || n)::uuid AS client_id
  FROM generate_series(0, %(publishers)s - 1) AS n;

CREATE TEMP TABLE seed_term AS
SELECT row_number() OVER (ORDER BY p.n, o, l, t) - 1 AS n, p.id AS publisher_id, p.n AS publisher, o, l, t,
       md5(concat_ws(' ', %(tag)s, 'offer', p.n, o))::uuid AS offer_id,
       md5(concat_ws(' ', %(tag)s, 'plan', p.n, o, l))::uuid AS plan_id,
       md5(concat_ws(' ', %(tag)s, 'term', p.n, o, l, t))::uuid AS id,
       upper(substr(md5(concat_ws('/', %(tag)s, p.n, o, l, t)), 1, 12)) AS availability_id
  FROM seed_publisher p, generate_series(1, 5) AS o, generate_series(1, 2) AS l, generate_series(1, 2) AS t;

CREATE TEMP TABLE seed_price AS
SELECT md5(concat_ws(' ', %(tag)s, 'price', n, currency))::uuid AS id, n AS term, id AS plan_term_id, currency,
       round((5 + o * l * t * 1.37)::numeric, 2) AS amount
  FROM seed_term, unnest(ARRAY['EUR', 'PLN', 'USD']) AS currency;

CREATE UNIQUE INDEX ON seed_customer (n);
CREATE UNIQUE INDEX ON seed_price (term, currency);
CREATE UNIQUE INDEX ON seed_term (n);
ANALYZE seed_customer, seed_term, seed_price;
"""
_DROPPED = "DROP TABLE seed_customer, seed_publisher, seed_term, seed_price;"

_WORLD = """
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

INSERT INTO accounts_client (id, tenant_id, name, role, is_active, created_at)
SELECT client_id, gen_random_uuid(), 'Publisher ' || %(tag)s || '-' || n, 'publisher', true, %(at)s FROM seed_publisher;

INSERT INTO publishers_publisher
  (id, name, adapter, fulfillment_base_url, landing_url, webhook_url, client_id, contact_email, max_concurrency,
   circuit, consecutive_failures, last_failure, created_at)
SELECT id, 'Publisher ' || %(tag)s || '-' || n, 'saas_v2_poll', %(site)s || '/seed-' || n,
       %(site)s || '/seed-' || n || '/landing', '', client_id, '', 20, 'closed', 0, '', %(at)s
  FROM seed_publisher;

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

INSERT INTO publishers_price (id, plan_term_id, currency, amount, valid_from)
SELECT id, plan_term_id, currency, amount, %(at)s::timestamptz - interval '400 days' FROM seed_price;
"""

# Triggers and keys rest while a batch is written and are made good for all rows at the end (`scale_checks`): row by row
# they take three quarters of the time. What a trigger would write stands here.
_BY_SETS = "SET LOCAL session_replication_role = replica;"
# Instead of naming each as touched. Without a condition: it waits for whoever ranks all without these.
_RANKED_ANEW = "UPDATE subscriptions_ranking SET until = NULL;"

# Of a hundred orders: 92 active, 5 pending, 2 voided, 1 cancelled before it was confirmed; two lines each. Neither
# dates nor plans nor states follow the order in which rows are written: no list finds its rows side by side.
_LINES = """
CREATE TEMP TABLE seed_order AS
WITH drawn AS (
  SELECT k, k %% %(customers)s AS customer, (k + k / 100 * 7919 %% 10007) %% 100 AS kind,
         1 - (k * 48271 %% %(orders)s)::float / %(orders)s AS age
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS k
), dated AS (
  SELECT *, %(at)s::timestamptz - CASE WHEN kind < 92 THEN age * interval '350 days' + interval '1 hour'
                                       WHEN kind < 97 THEN age * interval '25 days' + interval '1 hour'
                                       ELSE age * interval '300 days' + interval '31 days' END AS bought
    FROM drawn
)
SELECT dated.k, dated.customer, gen_random_uuid() AS id, c.id AS customer_id, c.cart_id, c.currency, bought,
       CASE WHEN kind < 92 THEN %(subscribed)s WHEN kind < 97 THEN %(pending)s ELSE %(unsubscribed)s END AS status,
       CASE WHEN kind < 97 THEN '' WHEN kind < 99 THEN %(voided)s ELSE %(cancelled)s END AS end_reason,
       CASE WHEN kind < 92 THEN bought + interval '40 minutes' END AS active,
       CASE WHEN kind >= 97 THEN bought + interval '30 days' END AS ended
  FROM dated JOIN seed_customer c ON c.n = customer;

CREATE TEMP TABLE seed_line AS
SELECT numbered.n, line, gen_random_uuid() AS id, gen_random_uuid() AS order_line_id, o.id AS order_id, o.customer_id,
       o.currency, t.publisher_id, t.offer_id, t.plan_id, t.id AS plan_term_id, p.id AS price_id, p.amount,
       1 + numbered.n %% 40 AS quantity, o.status, o.end_reason, o.bought, o.active, o.ended
  FROM seed_order o CROSS JOIN generate_series(0, 1) AS line CROSS JOIN LATERAL (SELECT k * 2 + line AS n) AS numbered
  JOIN seed_term t ON t.n = (numbered.n * 7919 + numbered.n / %(customers)s * 131) %% %(terms)s
  JOIN seed_price p ON p.term = t.n AND p.currency = o.currency
 WHERE numbered.n < %(subscriptions)s;

INSERT INTO subscriptions_order (id, number, customer_id, cart_id, order_group, currency, ordered_by, ordered_at)
SELECT id, %(tag)s || lpad(to_hex(k), 8, '0'), customer_id, cart_id, k::text, currency, 'Seed', bought
  FROM seed_order;

INSERT INTO subscriptions_orderline
  (id, order_id, number, plan_term_id, price_id, unit_price, currency, quantity, nickname)
SELECT order_line_id, order_id, line, plan_term_id, price_id, amount, currency, quantity, '' FROM seed_line;

INSERT INTO subscriptions_subscription
  (id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, unit_price, currency, order_line_id,
   nickname, quantity, auto_renew, one_per_customer, status, purchased_at, activate_by, activated_at, term_start,
   term_anchor, term_end, on_trial, ended_at, end_reason, version)
SELECT id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, amount, currency, order_line_id,
       'Team ' || %(tag)s || '-' || n, quantity, status <> %(unsubscribed)s, false, status, bought,
       bought + interval '30 days', active, (active AT TIME ZONE 'UTC')::date,
       (active AT TIME ZONE 'UTC')::date, ((active AT TIME ZONE 'UTC')::date + interval '1 year')::date, false, ended,
       end_reason, 1
  FROM seed_line;

INSERT INTO subscriptions_nickname (subscription_id, text)
SELECT id, 'Team ' || %(tag)s || '-' || n FROM seed_line;

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

INSERT INTO subscriptions_operation
  (id, subscription_id, action, source, status, payload, reason, requested_by, actor_kind, actor_id, actor_role,
   created_at, completed_at, accepted_by, remote_id, attempts, next_attempt_at, last_error)
SELECT gen_random_uuid(), id, %(change)s, %(marketplace)s, %(change_failed)s,
       jsonb_build_object('before', jsonb_build_object('quantity', quantity),
                          'after', jsonb_build_object('quantity', quantity + 5)),
       '', 'Seed', '', '', '', active, active + interval '1 minute', '', '', 1, active, 'No more seats there.'
  FROM seed_line WHERE active IS NOT NULL AND n %% 500 = 7;

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
    "change": OperationAction.CHANGE_QUANTITY,
    "change_failed": OperationStatus.FAILED,
    "marketplace": OperationSource.MARKETPLACE,
}


def may_seed() -> bool:
    """Whether this database lets us write past its triggers: its superuser may, and who was granted the parameter."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return bool(cursor.fetchone()[0])


def seed(
    *,
    subscriptions: int,
    customers: int,
    publishers: int,
    at: datetime,
    tell: Callable[[int], None] = lambda done: None,
) -> None:
    """Add that many of each, all at least 1, bought in the year before `at`; `tell` hears how many there are so far.

    Every run adds its own publishers and customers. A run that is stopped leaves whole batches. Raises Unsound when
    rows break what keys and triggers would have kept.
    """
    orders = (subscriptions + 1) // 2
    values = {
        "tag": token_hex(2),
        "site": f"http://127.0.0.1:{settings.HUB_PORT + 1}",
        "at": at,
        "subscriptions": subscriptions,
        "customers": customers,
        "publishers": publishers,
        "orders": orders,
        "terms": publishers * 20,
    }
    with transaction.atomic():
        _run(_DRAWN + _WORLD + _DROPPED, values)
    for done, _ in enumerate(_written(values, range(0, orders, BATCH)), 1):
        tell(min(2 * BATCH * done, subscriptions))
    _run("ANALYZE", {})
    prove_seeded()


def _written(values: dict[str, Any], batches: range) -> Iterator[None]:
    """Write the batches, several at once on connections of their own; each is announced when it is in."""
    if len(batches) == 1:
        _write(values, 0)
        yield
        return
    with ThreadPoolExecutor(WRITERS) as writers:
        yield from writers.map(lambda first: _write_apart(values, first), batches)


def _write_apart(values: dict[str, Any], first: int) -> None:
    try:
        _write(values, first)
    finally:
        connection.close()


def _write(values: dict[str, Any], first: int) -> None:
    last = min(first + BATCH, values["orders"]) - 1
    with transaction.atomic():
        _run(_BY_SETS + _DRAWN + _LINES + _DROPPED + _RANKED_ANEW, {**values, **_WORDS, "first": first, "last": last})


def _run(script: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        for statement in _statements(script):
            cursor.execute(statement, values)


def _statements(script: str) -> Iterator[str]:
    """The script's statements one by one: parameters do not travel with several at once."""
    return (statement for part in script.split(";") if (statement := part.strip()))
