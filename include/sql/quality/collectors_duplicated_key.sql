-- Rows of collectors whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY collector_id ORDER BY row_number) AS occurrence
    FROM collectors
    WHERE collector_id IS NOT NULL
) AS numbered
WHERE occurrence > 1
