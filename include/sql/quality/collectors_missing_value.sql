-- Rows of collectors without a value that the ledger contract requires.
SELECT
    row_number,
    'collector_id is missing' AS reason
FROM collectors
WHERE collector_id IS NULL
