-- Rows of promises whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY promise_id ORDER BY row_number) AS occurrence
    FROM promises
    WHERE promise_id IS NOT NULL
) AS numbered
WHERE occurrence > 1
