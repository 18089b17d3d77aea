-- Since when each customer with an overdue contract has had one without a day's break: the entry day of the case.
-- Their contracts in arrears are in overdue_spells, their others, which may have left the book, in sibling_spells.
WITH spells AS (
    SELECT
        customer_id,
        contract_id,
        entered_on,
        exited_on
    FROM overdue_spells
    UNION ALL
    SELECT
        customer_id,
        contract_id,
        entered_on,
        exited_on
    FROM sibling_spells
),

runs AS (
    SELECT
        customer_id,
        entered_on,
        MAX(COALESCE(exited_on, CAST($as_of + INTERVAL 1 DAY AS DATE))) OVER (
            PARTITION BY customer_id
            ORDER BY entered_on, contract_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS overdue_until
    FROM spells
)

-- A spell that begins after all earlier ones were over begins a run; the last run is the one that lasts.
SELECT
    customer_id,
    MAX(entered_on) AS case_entered_on
FROM runs
WHERE overdue_until IS NULL OR overdue_until < entered_on
GROUP BY customer_id
ORDER BY customer_id
