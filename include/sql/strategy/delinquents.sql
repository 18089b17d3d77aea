-- What the balance rules look at: one row per contract with an unmet instalment.
SELECT
    contract_id,
    days_past_due,
    delinquent_days,
    bucket_no,
    class,
    unmet_installments,
    repeated,
    overdue_amount,
    outstanding_amount,
    CAST(
        CASE WHEN outstanding_amount > 0 THEN overdue_amount / outstanding_amount ELSE 0 END AS DECIMAL(9, 4)
    ) AS overdue_share
FROM snapshot
WHERE days_past_due > 0
