-- Rows of installments whose key an earlier row has already; the first row stays.
SELECT
    row_number,
    'the key stands on an earlier row, too' AS reason
FROM (
    SELECT
        row_number,
        ROW_NUMBER() OVER (PARTITION BY contract_id, installment_no ORDER BY row_number) AS occurrence
    FROM installments
    WHERE
        contract_id IS NOT NULL
        AND installment_no IS NOT NULL
) AS numbered
WHERE occurrence > 1
