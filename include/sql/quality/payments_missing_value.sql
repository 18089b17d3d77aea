-- Rows of payments without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN payment_id IS NULL THEN 'payment_id is missing'
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN value_date IS NULL THEN 'value_date is missing'
        ELSE 'amount is missing'
    END AS reason
FROM payments
WHERE
    payment_id IS NULL
    OR contract_id IS NULL
    OR value_date IS NULL
    OR amount IS NULL
