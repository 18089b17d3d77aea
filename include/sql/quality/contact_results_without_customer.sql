-- Rows of contact_results whose customer is not in the ledger; a ledger without any customers is not judged.
SELECT
    contact_results.row_number,
    'no such customer' AS reason
FROM contact_results
CROSS JOIN (SELECT COUNT(*) AS given FROM customers) AS customer_count
LEFT JOIN customers ON contact_results.customer_id = customers.customer_id
WHERE
    customer_count.given > 0
    AND contact_results.customer_id IS NOT NULL
    AND customers.customer_id IS NULL
