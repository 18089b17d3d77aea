-- What sending needs to know of a customer at the moment of sending: addresses, what is owed now, and what forbids it.
-- One row per wanted customer that still has a case. Personal: fetched into memory, never written.
WITH live_promise AS (
    SELECT DISTINCT contract_id
    FROM promises
    WHERE made_on <= $as_of AND due_on >= $promises_due_from
),

held AS (
    SELECT
        k.customer_id,
        MIN(h.kind) AS hold_kind
    FROM holds AS h
    INNER JOIN contracts AS k ON h.contract_id = k.contract_id
    INNER JOIN stop_hold AS s ON h.kind = s.kind
    WHERE h.start_date <= $as_of AND (h.end_date IS NULL OR h.end_date > $as_of)
    GROUP BY k.customer_id
),

owed AS (
    SELECT
        t.customer_id,
        MIN(t.currency) AS currency,
        STRING_AGG(t.contract_id, ',' ORDER BY t.contract_id) AS debts,
        STRING_AGG(p.contract_id, ',' ORDER BY p.contract_id) AS promised
    FROM treatment AS t
    LEFT JOIN live_promise AS p ON t.contract_id = p.contract_id
    GROUP BY t.customer_id
)

SELECT
    c.customer_id,
    u.name,
    u.phone,
    u.email,
    -- two numbers that end in the same ten digits are one
    CASE
        WHEN LENGTH(REGEXP_REPLACE(COALESCE(u.phone, ''), '[^0-9]', '', 'g')) >= 5
            THEN RIGHT(REGEXP_REPLACE(COALESCE(u.phone, ''), '[^0-9]', '', 'g'), 10)
    END AS number_key,
    COALESCE(u.region, c.region) AS region,
    u.time_zone,
    c.product,
    c.vehicle_type,
    o.currency,
    c.overdue_amount,
    c.outstanding_amount,
    c.days_past_due,
    c.bucket,
    c.treatment,
    -- the contracts of the case, and those of them with a live promise
    o.debts,
    o.promised,
    c.queue <> 'none' AND NOT c.held AND h.customer_id IS NULL AS may_be_contacted,
    COALESCE(h.hold_kind, c.hold_kind) AS hold_kind
FROM cases AS c
INNER JOIN wanted AS w ON c.customer_id = w.customer_id
LEFT JOIN customers AS u ON c.customer_id = u.customer_id
LEFT JOIN owed AS o ON c.customer_id = o.customer_id
LEFT JOIN held AS h ON c.customer_id = h.customer_id
