-- Rows of consents whose customer is not in the ledger; a ledger without any customers is not judged.
SELECT
    consents.row_number,
    'no such customer' AS reason
FROM consents
CROSS JOIN (SELECT COUNT(*) AS given FROM customers) AS customer_count
LEFT JOIN customers ON consents.customer_id = customers.customer_id
WHERE
    customer_count.given > 0
    AND consents.customer_id IS NOT NULL
    AND customers.customer_id IS NULL
