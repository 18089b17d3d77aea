-- Rows of scores without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN model IS NULL THEN 'model is missing'
        ELSE 'score is missing'
    END AS reason
FROM scores
WHERE
    contract_id IS NULL
    OR model IS NULL
    OR score IS NULL
