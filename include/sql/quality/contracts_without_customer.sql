-- Contracts whose customer is not in the ledger; a ledger without any customers is not judged.
SELECT
    contracts.row_number,
    'no such customer' AS reason
FROM contracts
CROSS JOIN (SELECT COUNT(*) AS given FROM customers) AS customer_count
LEFT JOIN customers ON contracts.customer_id = customers.customer_id
WHERE
    customer_count.given > 0
    AND contracts.customer_id IS NOT NULL
    AND customers.customer_id IS NULL
