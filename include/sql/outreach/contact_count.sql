-- What the ledger knows of today's contacts, the lender's and all agencies' together: one row per customer that has
-- any. Unanswered tries are counted per phone number, whoever it belongs to; what the customer began does not count.
WITH tried AS (
    SELECT
        COALESCE(r.customer_id, k.customer_id) AS customer_id,
        CASE WHEN n.is_call AND o.counts = 'connected' THEN 1 ELSE 0 END AS connected,
        CASE WHEN n.is_call AND o.counts = 'unanswered' THEN 1 ELSE 0 END AS unanswered
    FROM contact_results AS r
    INNER JOIN channel_name AS n ON r.channel = n.name
    LEFT JOIN contracts AS k ON r.contract_id = k.contract_id
    LEFT JOIN counted_outcome AS o ON r.outcome = o.outcome
    WHERE
        CAST(r.attempted_at AS DATE) = $as_of
        AND COALESCE(r.initiated_by, 'lender') <> 'customer'
),

per_customer AS (
    SELECT
        t.customer_id,
        COALESCE(NULLIF(TRIM(u.phone), ''), t.customer_id) AS number_key,
        COUNT(*) AS contacts,
        SUM(t.connected) AS connected,
        SUM(t.unanswered) AS unanswered
    FROM tried AS t
    LEFT JOIN customers AS u ON t.customer_id = u.customer_id
    WHERE t.customer_id IS NOT NULL
    GROUP BY t.customer_id, COALESCE(NULLIF(TRIM(u.phone), ''), t.customer_id)
),

per_number AS (
    SELECT
        number_key,
        SUM(unanswered) AS unanswered
    FROM per_customer
    GROUP BY number_key
),

reached AS (
    SELECT
        customer_id,
        COALESCE(NULLIF(TRIM(phone), ''), customer_id) AS number_key
    FROM customers
    UNION
    SELECT
        customer_id,
        number_key
    FROM per_customer
)

SELECT
    r.customer_id,
    CAST(COALESCE(c.contacts, 0) AS INTEGER) AS contacts_today,
    CAST(COALESCE(c.connected, 0) AS INTEGER) AS connected_today,
    CAST(n.unanswered AS INTEGER) AS unanswered_today
FROM reached AS r
INNER JOIN per_number AS n ON r.number_key = n.number_key
LEFT JOIN per_customer AS c ON r.customer_id = c.customer_id
WHERE c.customer_id IS NOT NULL OR n.unanswered > 0
