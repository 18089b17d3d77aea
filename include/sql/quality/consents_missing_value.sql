-- Rows of consents without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN customer_id IS NULL THEN 'customer_id is missing'
        WHEN channel IS NULL THEN 'channel is missing'
        ELSE 'allowed is missing'
    END AS reason
FROM consents
WHERE
    customer_id IS NULL
    OR channel IS NULL
    OR allowed IS NULL
