-- Rows of installments without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN installment_no IS NULL THEN 'installment_no is missing'
        WHEN due_date IS NULL THEN 'due_date is missing'
        ELSE 'amount_due is missing'
    END AS reason
FROM installments
WHERE
    contract_id IS NULL
    OR installment_no IS NULL
    OR due_date IS NULL
    OR amount_due IS NULL
