"""Adds the functions that carry out the hot path's operations in PostgreSQL."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ADD_USAGE = """
CREATE FUNCTION tokenmill_add_usage(used jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO usage (
    id, account_id, key_id, model, target, upstream_model, protocol, stream, started_at, duration_ms,
    first_ms, status, http_status, stop, fault, input_fresh, input_cached, input_written, output,
    output_reasoning, quality, client, request_id, drops, subscription_id, searches, unit, cost,
    shortfall, tariff)
  SELECT
    id, account_id, key_id, model, target, upstream_model, protocol, stream, started_at, duration_ms,
    first_ms, status, http_status, stop, fault, input_fresh, input_cached, input_written, output,
    output_reasoning, quality, client, request_id, drops, subscription_id, searches, unit, cost,
    shortfall, tariff
  FROM unnest(used) AS one, jsonb_populate_record(NULL::usage, one)
  ON CONFLICT (id) DO NOTHING;
END $$
"""

# What is free in all of them; a limit that has been swept limits nothing.
_FREE = """
CREATE FUNCTION tokenmill_free(purse_ids text[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (
    SELECT CASE WHEN bool_or(id = purse_ids[1]) THEN min(balance - held) ELSE 0 END
    FROM purses WHERE id = ANY (purse_ids));
END $$
"""

# ["hold", id, account, purses, want, least, node, at, draft, input_fresh]
# -> [granted or null, [free, …], [balance, …]]
_HOLD = """
CREATE FUNCTION tokenmill_hold(operation jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  purse_ids text[] := string_to_array(operation ->> 3, ' ');
  granted bigint := (operation ->> 4)::bigint;
  purse_id text;
  purse record;
  free bigint[] := '{}';
  balances bigint[] := '{}';
  earlier record;
BEGIN
  FOREACH purse_id IN ARRAY purse_ids LOOP
    SELECT balance, balance - held AS free INTO purse FROM purses WHERE id = purse_id;
    granted := LEAST(granted, COALESCE(purse.free, 0));
    free := free || COALESCE(purse.free, 0);
    balances := balances || COALESCE(purse.balance, 0);
  END LOOP;
  IF granted >= (operation ->> 5)::bigint THEN
    INSERT INTO holds (id, account_id, purses, amount, state, node, created_at, draft,
      input_fresh, input_cached, input_written, output, output_reasoning)
    VALUES (operation ->> 1, operation ->> 2, operation ->> 3, granted, 'held', operation ->> 6,
      (operation ->> 7)::timestamptz, operation ->> 8, (operation ->> 9)::bigint, 0, 0, 0, 0)
    ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      UPDATE purses SET held = held + granted WHERE id = ANY (purse_ids);
      RETURN jsonb_build_array(granted, free, balances);
    END IF;
  END IF;
  SELECT amount, state INTO earlier FROM holds WHERE id = operation ->> 1;
  IF FOUND THEN
    RETURN jsonb_build_array(
      CASE WHEN earlier.state = 'held' THEN earlier.amount END, '[]'::jsonb, '[]'::jsonb);
  END IF;
  RETURN jsonb_build_array(NULL, free, balances);
END $$
"""

# ["grow", id, held, want, least] -> by how much
_GROW = """
CREATE FUNCTION tokenmill_grow(operation jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  known bigint := (operation ->> 2)::bigint;
  grown bigint := (operation ->> 3)::bigint;
  purse_ids text[];
  earlier record;
BEGIN
  SELECT purses, amount, state INTO earlier FROM holds WHERE id = operation ->> 1 FOR UPDATE;
  IF NOT FOUND OR earlier.state <> 'held' THEN
    RETURN to_jsonb(0);
  END IF;
  IF earlier.amount <> known THEN
    RETURN to_jsonb(GREATEST(0, earlier.amount - known));
  END IF;
  purse_ids := string_to_array(earlier.purses, ' ');
  IF cardinality(purse_ids) > 0 THEN
    grown := LEAST(grown, tokenmill_free(purse_ids));
  END IF;
  IF grown < (operation ->> 4)::bigint THEN
    RETURN to_jsonb(0);
  END IF;
  UPDATE purses SET held = held + grown WHERE id = ANY (purse_ids);
  UPDATE holds SET amount = amount + grown WHERE id = operation ->> 1;
  RETURN to_jsonb(grown);
END $$
"""

# -> [taken, shortfall, first]
_SETTLED_BEFORE = """
CREATE FUNCTION tokenmill_settled_before(exchange text, unpaid text, by_us boolean) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_array(
      -COALESCE(sum(amount) FILTER (WHERE amount < 0 AND ledger_account <> unpaid), 0),
      -COALESCE(sum(amount) FILTER (WHERE ledger_account = unpaid), 0),
      by_us)
    FROM postings WHERE transfer_id = exchange);
END $$
"""

# ["settle", id, account, purses, unit, cost, charged, unpaid, state, at, usage] -> [taken, shortfall, first]
_SETTLE = """
CREATE FUNCTION tokenmill_settle(operation jsonb, again boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  exchange text := operation ->> 1;
  purse_ids text[] := string_to_array(operation ->> 3, ' ');
  charge bigint := (operation ->> 5)::bigint;
  moment timestamptz := (operation ->> 9)::timestamptz;
  earlier record;
  running boolean;
  kept bigint := 0;
  taken bigint := 0;
BEGIN
  SELECT purses, amount, state, closed_at INTO earlier FROM holds WHERE id = exchange FOR UPDATE;
  running := FOUND;
  IF running AND earlier.state <> 'held' THEN
    RETURN tokenmill_settled_before(
      exchange, operation ->> 7, again AND earlier.state = operation ->> 8 AND earlier.closed_at = moment);
  END IF;
  IF charge <> 0 THEN
    INSERT INTO transfers (id, source, kind, account_id, at, memo)
    VALUES (exchange, 'exchange:' || exchange, 'exchange', operation ->> 2, moment, '{}')
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      IF NOT running THEN
        RETURN tokenmill_settled_before(exchange, operation ->> 7, false);
      END IF;
      charge := 0;
    END IF;
  END IF;
  IF running THEN
    UPDATE holds SET state = operation ->> 8, closed_at = moment, draft = '' WHERE id = exchange;
    IF earlier.purses = operation ->> 3 THEN
      kept := earlier.amount;
    ELSE
      UPDATE purses SET held = held - earlier.amount
      WHERE id = ANY (string_to_array(earlier.purses, ' '));
    END IF;
  ELSE
    INSERT INTO holds (id, account_id, purses, amount, state, node, created_at, closed_at, draft,
      input_fresh, input_cached, input_written, output, output_reasoning)
    VALUES (exchange, operation ->> 2, operation ->> 3, 0, operation ->> 8, '', moment, moment, '',
      0, 0, 0, 0, 0)
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
      RETURN tokenmill_settled_before(exchange, operation ->> 7, false);
    END IF;
  END IF;
  IF cardinality(purse_ids) > 0 THEN
    taken := charge;
    IF charge > kept THEN
      taken := LEAST(charge, kept + tokenmill_free(purse_ids));
    END IF;
    UPDATE purses SET balance = balance - taken, held = held - kept WHERE id = ANY (purse_ids);
  END IF;
  IF charge <> 0 THEN
    INSERT INTO postings (transfer_id, ledger_account, unit, amount)
    SELECT exchange, side.account, operation ->> 4, side.amount
    FROM (VALUES (operation ->> 6, charge), (operation ->> 7, taken - charge), (purse_ids[1], -taken))
      AS side (account, amount)
    WHERE side.amount <> 0;
  END IF;
  RETURN jsonb_build_array(taken, charge - taken, true);
END $$
"""

# ["count", [[id, input_fresh, input_cached, input_written, output, output_reasoning, searches], …]]
_COUNT = """
CREATE FUNCTION tokenmill_count(operation jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE holds SET
    input_fresh = (counted ->> 1)::bigint,
    input_cached = (counted ->> 2)::bigint,
    input_written = (counted ->> 3)::bigint,
    output = (counted ->> 4)::bigint,
    output_reasoning = (counted ->> 5)::bigint,
    searches = (counted ->> 6)::bigint  -- A later migration adds it.
  FROM jsonb_array_elements(operation -> 1) AS counted
  WHERE holds.id = counted ->> 0 AND holds.state = 'held';
END $$
"""

# Purses are locked first, in the order of their ids, so that two nodes never wait for each other; and two
# that want the same hold want the same purses. `grown` are the holds whose purses only their rows name.
_APPLY = """
CREATE FUNCTION tokenmill_apply(
  operations jsonb, grown text[], touched text[], opening jsonb, durable boolean, again boolean
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  operation jsonb;
  answer jsonb;
  answers jsonb[] := '{}';
  used jsonb[] := '{}';
BEGIN
  IF NOT durable THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  IF opening IS NOT NULL THEN
    INSERT INTO purses (id, unit, balance, held, expires_at)
    SELECT purse ->> 0, purse ->> 1, (purse ->> 2)::bigint, 0, (purse ->> 3)::timestamptz
    FROM jsonb_array_elements(opening) AS purse ORDER BY purse ->> 0
    ON CONFLICT (id) DO NOTHING;
  END IF;
  IF cardinality(grown) > 0 THEN
    SELECT touched || COALESCE(array_agg(DISTINCT purse_id), '{}') INTO touched
    FROM holds, unnest(string_to_array(purses, ' ')) AS purse_id WHERE id = ANY (grown);
  END IF;
  IF cardinality(touched) > 0 THEN
    PERFORM FROM purses WHERE id = ANY (touched) ORDER BY id FOR UPDATE;
  END IF;
  FOR operation IN SELECT * FROM jsonb_array_elements(operations) LOOP
    answer := NULL;
    CASE operation ->> 0
      WHEN 'hold' THEN
        answer := tokenmill_hold(operation);
      WHEN 'settle' THEN
        answer := tokenmill_settle(operation, again);
        IF (answer -> 2)::boolean THEN
          used := used || ((operation -> 10) || jsonb_build_object('shortfall', answer -> 1));
        END IF;
      WHEN 'grow' THEN
        answer := tokenmill_grow(operation);
      WHEN 'usage' THEN
        used := used || (operation -> 1);
      WHEN 'count' THEN
        PERFORM tokenmill_count(operation);
      WHEN 'probe' THEN
        UPDATE alembic_version SET version_num = version_num;
    END CASE;
    answers := array_append(answers, answer);
  END LOOP;
  IF cardinality(used) > 0 THEN
    PERFORM tokenmill_add_usage(used);
  END IF;
  RETURN array_to_json(answers);
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # There the hot path's statements are the program's own.
    for function in (_ADD_USAGE, _FREE, _HOLD, _GROW, _SETTLED_BEFORE, _SETTLE, _COUNT, _APPLY):
        op.execute(function)
