-- Rows of contact_results whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY result_id ORDER BY row_number) AS occurrence
    FROM contact_results
    WHERE result_id IS NOT NULL
) AS numbered
WHERE occurrence > 1
