-- Rows of promises without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN promise_id IS NULL THEN 'promise_id is missing'
        WHEN contract_id IS NULL THEN 'contract_id is missing'
        WHEN made_on IS NULL THEN 'made_on is missing'
        ELSE 'due_on is missing'
    END AS reason
FROM promises
WHERE
    promise_id IS NULL
    OR contract_id IS NULL
    OR made_on IS NULL
    OR due_on IS NULL
