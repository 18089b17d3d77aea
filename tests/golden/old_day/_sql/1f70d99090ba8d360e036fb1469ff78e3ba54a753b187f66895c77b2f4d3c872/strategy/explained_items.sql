-- Every item of the contracts at hand with what was paid of it by $as_of: what a contract's ageing is explained by.
-- Oldest due first; on one day a penalty, then other charges, then the instalment. Run over few contracts.
WITH items AS (
    SELECT
        contract_id,
        'installment' AS kind,
        due_date,
        2 AS serving,
        installment_no AS item_no,
        NULL AS item_id,
        amount_due
    FROM installments
    UNION ALL
    SELECT
        contract_id,
        COALESCE(kind, 'charge') AS kind,
        due_date,
        CASE WHEN kind = 'penalty' THEN 0 ELSE 1 END AS serving,
        NULL AS item_no,
        charge_id AS item_id,
        amount AS amount_due
    FROM charges
),

paid AS (
    SELECT
        contract_id,
        SUM(amount) AS amount
    FROM payments
    WHERE value_date <= $as_of AND (reversed_on IS NULL OR reversed_on > $as_of)
    GROUP BY contract_id
),

served AS (
    SELECT
        items.*,
        COALESCE(paid.amount, 0) AS paid,
        SUM(items.amount_due) OVER (
            PARTITION BY items.contract_id
            ORDER BY items.due_date, items.serving, items.item_no, items.item_id
            ROWS UNBOUNDED PRECEDING
        ) AS owed_so_far,
        GREATEST(
            CAST($materiality_share AS DECIMAL(9, 6)) * items.amount_due, CAST($materiality_amount AS DECIMAL(18, 2))
        ) AS tolerance
    FROM items
    LEFT JOIN paid ON items.contract_id = paid.contract_id
),

unpaid AS (
    SELECT
        served.*,
        LEAST(amount_due, GREATEST(0, owed_so_far - paid)) AS amount_unpaid
    FROM served
)

SELECT
    contract_id,
    kind,
    item_no,
    item_id,
    due_date,
    CAST(amount_due AS DECIMAL(18, 2)) AS amount_due,
    CAST(amount_due - amount_unpaid AS DECIMAL(18, 2)) AS amount_paid,
    CAST(amount_unpaid AS DECIMAL(18, 2)) AS amount_unpaid,
    CAST(tolerance AS DECIMAL(18, 2)) AS tolerance,
    amount_unpaid <= tolerance AS met,
    due_date < $as_of AS overdue_by_date
FROM unpaid
ORDER BY contract_id, due_date, serving, item_no, item_id
