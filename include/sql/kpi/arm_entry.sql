-- Cases since the first entry day of any experiment, as the ledger tells them: maximal runs of days on which at least
-- one contract of the customer was overdue. case_over_on is the first day without one, NULL while the case lives.
-- Grain: customer x entry day.
WITH runs AS (
    SELECT
        customer_id,
        contract_id,
        from_day,
        until,
        MAX(COALESCE(until, CAST($as_of + INTERVAL 1 DAY AS DATE))) OVER (
            PARTITION BY customer_id
            ORDER BY from_day, contract_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS overdue_until
    FROM arm_overdue
),

numbered AS (
    SELECT
        customer_id,
        from_day,
        until,
        SUM(CASE WHEN overdue_until >= from_day THEN 0 ELSE 1 END) OVER (
            PARTITION BY customer_id ORDER BY from_day, contract_id ROWS UNBOUNDED PRECEDING
        ) AS case_no
    FROM runs
)

SELECT
    customer_id,
    MIN(from_day) AS case_entered_on,
    CASE WHEN COUNT(until) = COUNT(*) THEN MAX(until) END AS case_over_on
FROM numbered
GROUP BY customer_id, case_no
HAVING MIN(from_day) >= $experiments_from
ORDER BY customer_id, case_entered_on
