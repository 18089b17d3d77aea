-- Rows of customers without a value that the ledger contract requires.
SELECT
    row_number,
    'customer_id is missing' AS reason
FROM customers
WHERE customer_id IS NULL
