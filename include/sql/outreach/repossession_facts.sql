-- What forbids taking a vehicle, as facts: one row per case that asks for it. The ledger's facts and those that were
-- known since (desk_promise, payment_notice, vehicle_standing) come together here; what they mean is judged apart.
WITH treated AS (
    SELECT
        w.customer_id,
        w.lead_contract_id,
        t.contract_id,
        t.overdue_amount
    FROM repossession_case AS w
    INNER JOIN treatment AS t ON w.customer_id = t.customer_id
),

promised AS (
    SELECT DISTINCT t.customer_id
    FROM treated AS t
    INNER JOIN promises AS p ON t.contract_id = p.contract_id
    WHERE p.made_on <= $as_of AND p.due_on >= $promises_due_from
    UNION
    SELECT DISTINCT t.customer_id
    FROM treated AS t
    INNER JOIN desk_promise AS d ON t.customer_id = d.customer_id
),

held AS (
    SELECT
        t.customer_id,
        MAX(CASE WHEN k.meaning = 'extension' THEN 1 ELSE 0 END) AS extended,
        MAX(CASE WHEN k.meaning = 'bankruptcy' THEN 1 ELSE 0 END) AS bankrupt
    FROM treated AS t
    INNER JOIN holds AS h ON t.contract_id = h.contract_id
    INNER JOIN blocking_hold AS k ON h.kind = k.kind
    WHERE h.start_date <= $as_of AND (h.end_date IS NULL OR h.end_date > $as_of)
    GROUP BY t.customer_id
),

-- a payment whose contract nobody knows may be for this one, and one whose amount nobody knows may cure it
received AS (
    SELECT
        w.customer_id,
        SUM(n.amount) AS amount,
        MAX(CASE WHEN n.amount IS NULL THEN 1 ELSE 0 END) AS unknown
    FROM repossession_case AS w
    INNER JOIN payment_notice AS n ON w.customer_id = n.customer_id
    WHERE n.contract_id IS NULL OR w.lead_contract_id = n.contract_id
    GROUP BY w.customer_id
)

SELECT
    w.customer_id,
    w.lead_contract_id,
    CAST(COALESCE(l.overdue_amount, 0) AS DECIMAL(18, 2)) AS cure_amount,
    CAST(COALESCE(r.amount, 0) AS DECIMAL(18, 2)) AS received_amount,
    COALESCE(r.unknown, 0) = 1 AS received_unknown,
    p.customer_id IS NOT NULL AS promise_live,
    COALESCE(h.extended, 0) = 1 AS extension_agreed,
    COALESCE(h.bankrupt, 0) = 1 AS bankrupt,
    COALESCE(v.stage, 'none') AS stage
FROM repossession_case AS w
LEFT JOIN treated AS l ON w.customer_id = l.customer_id AND w.lead_contract_id = l.contract_id
LEFT JOIN promised AS p ON w.customer_id = p.customer_id
LEFT JOIN held AS h ON w.customer_id = h.customer_id
LEFT JOIN received AS r ON w.customer_id = r.customer_id
LEFT JOIN vehicle_standing AS v ON w.lead_contract_id = v.contract_id
ORDER BY w.customer_id
