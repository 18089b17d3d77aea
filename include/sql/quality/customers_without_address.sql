-- Customers of whom neither a phone number nor an e-mail address is known, where the ledger has any.
SELECT
    customers.row_number,
    'neither phone nor email' AS reason
FROM customers
CROSS JOIN (SELECT COUNT(phone) + COUNT(email) AS given FROM customers) AS address_count
WHERE
    address_count.given > 0
    AND customers.phone IS NULL
    AND customers.email IS NULL
