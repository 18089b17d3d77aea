-- Rows of contracts without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN customer_id IS NULL THEN 'customer_id is missing'
        WHEN product IS NULL THEN 'product is missing'
        WHEN originated_on IS NULL THEN 'originated_on is missing'
        WHEN principal IS NULL THEN 'principal is missing'
        ELSE 'term_months is missing'
    END AS reason
FROM contracts
WHERE
    contract_id IS NULL
    OR customer_id IS NULL
    OR product IS NULL
    OR originated_on IS NULL
    OR principal IS NULL
    OR term_months IS NULL
