-- Rows of holds without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN kind IS NULL THEN 'kind is missing'
        ELSE 'start_date is missing'
    END AS reason
FROM holds
WHERE
    contract_id IS NULL
    OR kind IS NULL
    OR start_date IS NULL
