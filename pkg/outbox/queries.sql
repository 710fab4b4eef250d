-- name: add
-- Adds effects in the order of the arrays, which their numbers keep, and announces
-- them at the commit. Leases and pauses go by the clock of the database, here and below:
-- those of the processes may differ by more than a lease, and one that is ahead would hand
-- out what another has leased.
WITH added AS (
    INSERT INTO outbox (tenant_id, id, actor_id, kind, order_key, arguments, created_at, leased_until)
    SELECT current_setting('app.tenant'), w.id, w.actor_id, w.kind, w.order_key, w.arguments::jsonb, w.created_at,
           CASE WHEN w.delay > 0 THEN now() + make_interval(secs => w.delay) END
    FROM unnest(@ids::uuid[], @actors::text[], @kinds::text[], @order_keys::text[], @arguments::text[], @created::timestamptz[],
                @delays::double precision[])
         WITH ORDINALITY AS w (id, actor_id, kind, order_key, arguments, created_at, delay, place)
    ORDER BY w.place
    RETURNING 1)
SELECT count(*), pg_notify(current_schema() || '_effects', '') FROM added;

-- name: notify
SELECT pg_notify(current_schema() || '_effects', '');

-- name: waiting
-- Over all tenants, as the role that sees ids alone. Effects of one order key are
-- done in their order: one is due when no older one of the key is open; those
-- without a key wait for nobody. Each tenant is given its first before any its
-- second, so that the thousands of one hold up nobody else, and what is being done
-- counts as a turn; within a tenant those
-- without a key, or with an empty one, come first. Those that are due come before those
-- that wait for a time: the first of these says when to look again.
WITH heads AS (
    SELECT DISTINCT ON (w.tenant_id, COALESCE(w.order_key, w.id::text), w.order_key IS NULL)
           w.tenant_id, w.id, w.kind, w.order_key, w.number, w.leased_until
    FROM effects_waiting w
    ORDER BY w.tenant_id, COALESCE(w.order_key, w.id::text), w.order_key IS NULL, w.number),
turns AS (
    SELECT h.tenant_id, h.id, h.number, h.leased_until,
           row_number() OVER (PARTITION BY h.tenant_id ORDER BY (h.order_key <> '') IS TRUE, h.number) AS turn
    FROM heads h
    WHERE cardinality(@kinds::text[]) = 0 OR h.kind = ANY (@kinds))
SELECT t.tenant_id, t.id, GREATEST(COALESCE(extract(epoch FROM t.leased_until - now()), 0), 0)::double precision
FROM turns t
ORDER BY GREATEST(t.leased_until, now()), t.turn, t.number
LIMIT @most;

-- name: lock
-- One that is due still; one that another process is leasing is left to it.
SELECT o.kind, o.attempt FROM outbox o
WHERE o.id = @id AND o.done_at IS NULL AND o.dead_at IS NULL AND (o.leased_until IS NULL OR o.leased_until <= now())
FOR UPDATE SKIP LOCKED;

-- name: lease
UPDATE outbox SET leased_until = now() + make_interval(secs => @seconds::double precision), attempt = attempt + 1
WHERE id = @id
RETURNING id::text, tenant_id, actor_id, kind, COALESCE(order_key, ''), arguments, created_at, attempt;

-- name: open
-- An effect that is to be closed.
SELECT o.id::text, o.tenant_id, o.actor_id, o.kind, COALESCE(o.order_key, ''), o.arguments, o.created_at, o.attempt, o.done_at IS NOT NULL
FROM outbox o WHERE o.id = @id FOR UPDATE;

-- name: close
UPDATE outbox SET done_at = @at::timestamptz, outcome = @outcome, result = @result::jsonb, dead_at = NULL WHERE id = @id;

-- name: finish
UPDATE outbox SET done_at = @at::timestamptz, outcome = 'done', dead_at = NULL WHERE id = @id AND done_at IS NULL;

-- name: postpone
UPDATE outbox SET leased_until = now() + make_interval(secs => @seconds::double precision) WHERE id = @id AND dead_at IS NULL;

-- name: set_aside
-- It blocks nobody behind it and is handed out no more.
UPDATE outbox SET dead_at = @at::timestamptz, leased_until = NULL WHERE id = @id AND dead_at IS NULL RETURNING kind, attempt;

-- name: hand_out_again
UPDATE outbox SET dead_at = NULL, attempt = 0, leased_until = NULL WHERE id = @id AND dead_at IS NOT NULL;

-- name: state
SELECT done_at IS NOT NULL, COALESCE(outcome, ''), COALESCE(result, '{}') FROM outbox WHERE id = @id;

-- name: unsettled
SELECT count(*) FROM outbox WHERE id = ANY (@ids::uuid[]) AND done_at IS NULL;

-- name: dead
SELECT tenant_id, id::text, kind, attempt, dead_at FROM effects_dead ORDER BY dead_at, id LIMIT @most;

-- name: dead_of_tenant
SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL;

-- name: measure
-- Over all tenants. An effect is late from the moment that it was due at first.
SELECT (SELECT count(*) FROM effects_waiting),
       (SELECT GREATEST(COALESCE(extract(epoch FROM now() - min(due_at)), 0), 0)::double precision FROM effects_waiting),
       (SELECT count(*) FROM effects_dead);

-- name: ended
-- Tenants with ended effects that are old, or too many.
SELECT tenant_id FROM effects_ended GROUP BY tenant_id
HAVING min(done_at) < @before::timestamptz OR count(*) > @most::bigint;

-- name: erase
-- So many of a tenant's ended effects as one transaction takes: old ones, and those that
-- ended before its latest ones.
DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox o
    WHERE o.done_at < @before::timestamptz OR o.done_at < (
        SELECT latest.done_at FROM outbox latest WHERE latest.done_at IS NOT NULL
        ORDER BY latest.done_at DESC OFFSET @most::bigint - 1 LIMIT 1)
    LIMIT @batch);
