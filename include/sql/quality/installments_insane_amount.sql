-- Instalments with a negative amount, or whose parts do not add up to it.
SELECT
    row_number,
    CASE
        WHEN amount_due < 0 THEN 'amount_due is negative'
        WHEN principal_due < 0 OR interest_due < 0 OR fee_due < 0 THEN 'a part is negative'
        ELSE 'amount_due is not the sum of its parts'
    END AS reason
FROM installments
WHERE
    amount_due < 0
    OR principal_due < 0
    OR interest_due < 0
    OR fee_due < 0
    OR (
        principal_due IS NOT NULL
        AND interest_due IS NOT NULL
        AND amount_due <> principal_due + interest_due + COALESCE(fee_due, 0)
    )
