-- What the balance rules look at: one row per contract with an unmet instalment.
SELECT
    contract_id,
    days_past_due,
    delinquent_days,
    bucket_no,
    class,
    unmet_installments,
    repeated,
    written_off,
    overdue_amount,
    outstanding_amount,
    -- Exactly half up, over whole cents: a quotient of decimals is a double on one engine and a decimal on another.
    CAST(
        CASE
            WHEN outstanding_amount > 0
                THEN
                    (CAST(overdue_amount * 100 AS BIGINT) * 20000 + CAST(outstanding_amount * 100 AS BIGINT))
                    // (CAST(outstanding_amount * 100 AS BIGINT) * 2)
            ELSE 0
        END * 0.0001 AS DECIMAL(9, 4)
    ) AS overdue_share
FROM snapshot
WHERE days_past_due > 0
