-- Rows of holds whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY contract_id, kind, start_date ORDER BY row_number) AS occurrence
    FROM holds
    WHERE
        contract_id IS NOT NULL
        AND kind IS NOT NULL
        AND start_date IS NOT NULL
) AS numbered
WHERE occurrence > 1
