-- Rows of charges without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN charge_id IS NULL THEN 'charge_id is missing'
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN due_date IS NULL THEN 'due_date is missing'
        ELSE 'amount is missing'
    END AS reason
FROM charges
WHERE
    charge_id IS NULL
    OR contract_id IS NULL
    OR due_date IS NULL
    OR amount IS NULL
