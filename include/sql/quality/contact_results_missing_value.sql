-- Rows of contact_results without a value that the ledger contract requires.
SELECT
    row_number,
    CASE
        WHEN result_id IS NULL THEN 'result_id is missing'
        WHEN channel IS NULL THEN 'channel is missing'
        ELSE 'attempted_at is missing'
    END AS reason
FROM contact_results
WHERE
    result_id IS NULL
    OR channel IS NULL
    OR attempted_at IS NULL
