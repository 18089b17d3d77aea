-- The time zones of the customers that have a case, as the ledger writes them.
SELECT DISTINCT TRIM(u.time_zone) AS time_zone
FROM customers AS u
INNER JOIN cases AS c ON u.customer_id = c.customer_id
WHERE TRIM(u.time_zone) <> ''
