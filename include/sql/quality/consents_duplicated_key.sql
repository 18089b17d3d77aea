-- Rows of consents whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY customer_id, channel, valid_from ORDER BY row_number) AS occurrence
    FROM consents
    WHERE
        customer_id IS NOT NULL
        AND channel IS NOT NULL
) AS numbered
WHERE occurrence > 1
