-- Why an open case has no work any more: one row per customer whose case is to be closed.
-- open_case: the customers with an open case. A contract counts as ended from its own day on; a write-off ends none
-- where the recovery book is worked.
WITH ledger AS (
    SELECT
        contracts.customer_id,
        SUM(
            CASE WHEN NOT $recovery_worked AND COALESCE(contracts.written_off_on <= $as_of, FALSE) THEN 1 ELSE 0 END
        ) AS written_off,
        SUM(
            CASE
                WHEN
                    COALESCE(contracts.closed_on <= $as_of, FALSE)
                    OR (NOT $recovery_worked AND COALESCE(contracts.written_off_on <= $as_of, FALSE))
                    THEN 0
                ELSE 1
            END
        ) AS live
    FROM contracts
    INNER JOIN open_case ON contracts.customer_id = open_case.customer_id
    GROUP BY contracts.customer_id
)

SELECT
    open_case.customer_id,
    CASE
        WHEN cases.held THEN 'held'
        WHEN cases.customer_id IS NOT NULL THEN 'no_work'
        WHEN ledger.customer_id IS NULL THEN 'left_ledger'
        WHEN ledger.live > 0 THEN 'cured'
        WHEN ledger.written_off > 0 THEN 'written_off'
        ELSE 'contracts_closed'
    END AS close_reason
FROM open_case
LEFT JOIN cases ON open_case.customer_id = cases.customer_id
LEFT JOIN ledger ON open_case.customer_id = ledger.customer_id
WHERE COALESCE(cases.queue, 'none') = 'none'
ORDER BY open_case.customer_id
