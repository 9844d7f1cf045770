"""What PostgreSQL needs by itself for one write: the same rows as the hub's, in one statement that is prepared once.

Nothing is checked or looked up, and hashes are made up. Each statement takes its place in `bench_work` by a sequence.
"""

# Transactions of each client that come before those that count.
WARM = 3
WORK = {
    "checkout": """
SELECT row_number() OVER () AS place, cart.id AS cart_id, cart.customer_id, line.plan_term_id, line.price_id,
       price.amount, price.currency, term.plan_id, plan.offer_id, offer.publisher_id
  FROM subscriptions_cart cart JOIN subscriptions_cartline line ON line.cart_id = cart.id
  JOIN publishers_price price ON price.id = line.price_id JOIN publishers_planterm term ON term.id = line.plan_term_id
  JOIN publishers_plan plan ON plan.id = term.plan_id JOIN publishers_offer offer ON offer.id = plan.offer_id
 WHERE cart.status = 'active' AND cart.created_by_id = 'bench'
""",
    # What nothing has happened to since it was seeded.
    "quantity": """
SELECT row_number() OVER () AS place, id FROM subscriptions_subscription one
 WHERE status = 'subscribed' AND NOT EXISTS (SELECT 1 FROM outbox_event WHERE stream_id = one.id)
""",
    "hot": "SELECT 1 AS place, id FROM subscriptions_subscription WHERE status = 'subscribed' ORDER BY id LIMIT 1",
}

_EVENT = """
INSERT INTO outbox_event
  (id, stream_type, stream_id, sequence, name, data, reason, actor_kind, actor_id, actor_label, actor_role, request_id,
   correlation_id, at, previous_hash, hash)
"""
_WRITES = {
    "checkout": """
WITH work AS MATERIALIZED (
  SELECT *, gen_random_uuid() AS order_id, gen_random_uuid() AS line_id, gen_random_uuid() AS made_id
    FROM bench_work WHERE place = (SELECT nextval('bench_place'))
), ordered AS (
  UPDATE subscriptions_cart SET status = 'ordered', ordered_at = now(), modified_at = now()
    FROM work WHERE id = cart_id
), placed AS (
  INSERT INTO subscriptions_order (id, number, customer_id, cart_id, order_group, currency, ordered_by, ordered_at)
  SELECT order_id, left(order_id::text, 8), customer_id, cart_id, '', currency, 'Bench', now() FROM work
), line AS (
  INSERT INTO subscriptions_orderline
    (id, order_id, number, plan_term_id, price_id, unit_price, currency, quantity, nickname)
  SELECT line_id, order_id, 0, plan_term_id, price_id, amount, currency, 3, '' FROM work
), made AS (
  INSERT INTO subscriptions_subscription
    (id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, unit_price, currency, order_line_id,
     nickname, quantity, auto_renew, one_per_customer, status, purchased_at, activate_by, on_trial, end_reason, version)
  SELECT made_id, customer_id, publisher_id, offer_id, plan_id, plan_term_id, price_id, amount, currency, line_id,
         'Bench', 3, true, false, 'pending_fulfillment_start', now(), now() + interval '30 days', false, '', 1 FROM work
), seats AS (
  INSERT INTO subscriptions_seattranche (subscription_id, quantity, cause, opened_at, reducible_until)
  SELECT made_id, 3, 'purchase', now(), now() + interval '7 days' FROM work
), gates AS (
  INSERT INTO subscriptions_gate
    (subscription_id, gate, position, state, satisfied_at, evidence, reason, message, action_url, owner, next_action,
     since, due_at)
  SELECT made_id, gate, position, CASE WHEN holds THEN 'satisfied' ELSE 'pending' END, CASE WHEN holds THEN now() END,
         CASE WHEN holds THEN '{"source": "bench"}'::jsonb END,
         CASE WHEN holds THEN '' ELSE 'awaiting_customer_setup' END, '', '',
         CASE WHEN holds THEN 'partner' ELSE 'customer' END, CASE WHEN holds THEN '' ELSE 'open_publisher_site' END,
         now(), CASE WHEN holds THEN NULL ELSE now() + interval '30 days' END
    FROM work, (VALUES ('ordered', 0, true), ('licenses_assigned', 1, false), ('configuration_confirmed', 2, false),
                       ('not_cancelled', 3, true)) AS gate (gate, position, holds)
), asked AS (
  INSERT INTO subscriptions_pollschedule
    (subscription_id, publisher_id, next_poll_at, fresh_since, attempts, last_outcome, last_detail, etag)
  SELECT made_id, publisher_id, now(), now(), 0, '', '', '' FROM work
)
EVENT
SELECT gen_random_uuid(), kind, stream, 1, kind || '.ordered', '{"quantity": 3}', '', 'client', 'bench', 'Bench',
       'admin_agent', '', '', now(), '', encode(sha256(stream::text::bytea), 'hex')
  FROM work, LATERAL (VALUES ('cart', cart_id), ('subscription', made_id)) AS told (kind, stream)
""",
    "quantity": """
WITH work AS MATERIALIZED (SELECT id FROM bench_work WHERE place = (SELECT nextval('bench_place'))
), locked AS MATERIALIZED (
  SELECT id FROM subscriptions_subscription WHERE id = (SELECT id FROM work) FOR UPDATE
), begun AS (
  INSERT INTO subscriptions_operation
    (id, subscription_id, action, source, status, payload, reason, requested_by, actor_kind, actor_id, actor_role,
     created_at, due_at, accepted_by, remote_id, attempts, next_attempt_at, last_error)
  SELECT gen_random_uuid(), id, 'change_quantity', 'marketplace', 'in_progress', '{"after": {"quantity": 41}}', '',
         'Bench', 'client', 'bench', 'admin_agent', now(), now() + interval '8 hours', '', '', 0, now(), '' FROM locked
)
EVENT
SELECT gen_random_uuid(), 'subscription', id, 1, 'change.requested', '{"quantity": 41}', '', 'client', 'bench',
       'Bench', 'admin_agent', '', '', now(), '', encode(sha256(id::text::bytea), 'hex')
  FROM locked
""",
    # The version, as the update reads it once the row is free, is the event's place in its chain.
    "hot": """
WITH changed AS (
  UPDATE subscriptions_subscription SET nickname = 'Bench ' || version, version = version + 1
   WHERE id = (SELECT id FROM bench_work WHERE place = 1) RETURNING id, version
), told AS (
  EVENT
  SELECT gen_random_uuid(), 'subscription', id, 1000000 + version, 'subscription.renamed', '{"after": "Bench"}', '',
         'client', 'bench', 'Bench', 'admin_agent', '', '', now(), encode(sha256(id::text::bytea), 'hex'),
         encode(sha256(version::text::bytea), 'hex')
    FROM changed RETURNING id, stream_id, sequence
)
INSERT INTO outbox_delivery (event_id, handler, stream_id, sequence, attempts, next_attempt_at, last_error)
SELECT id, 'bench', stream_id, sequence, 0, now(), '' FROM told
""",
}
STATEMENTS = {name: written.replace("EVENT", _EVENT.strip()) for name, written in _WRITES.items()}

# Carts with one line each, in turns over all customers and what is sold in their currency.
ADD_CARTS = """
WITH customer AS (
  SELECT id, currency, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS all_of_them
    FROM customers_customer
), price AS (
  SELECT id, plan_term_id, currency, row_number() OVER (PARTITION BY currency ORDER BY id) AS place,
         count(*) OVER (PARTITION BY currency) AS all_of_them
    FROM publishers_price
), cart AS (
  INSERT INTO subscriptions_cart
    (id, customer_id, status, attested, created_by, created_by_id, created_at, modified_at, expires_at)
  SELECT gen_random_uuid(), id, 'active', true, 'Bench', 'bench', now(), now(), now() + interval '7 days'
    FROM generate_series(1, %s) AS n JOIN customer ON place = 1 + n %% all_of_them
  RETURNING id, customer_id
)
INSERT INTO subscriptions_cartline
  (cart_id, number, plan_term_id, price_id, quantity, nickname, auto_renew, order_group, error_code, error_text)
SELECT cart.id, 0, price.plan_term_id, price.id, 3, '', true, '', '', ''
  FROM (SELECT *, row_number() OVER () AS n FROM cart) AS cart JOIN customer ON customer.id = cart.customer_id
  JOIN price ON price.currency = customer.currency AND price.place = 1 + cart.n %% price.all_of_them
"""
