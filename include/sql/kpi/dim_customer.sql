-- Customers that the day's facts name, without anything personal. Grain: customer.
WITH named AS (
    SELECT DISTINCT customer_id
    FROM treatment
)

SELECT
    named.customer_id,
    MAX(customers.region) AS region,
    MIN(contracts.originated_on) AS customer_since
FROM named
INNER JOIN contracts ON named.customer_id = contracts.customer_id
LEFT JOIN customers ON named.customer_id = customers.customer_id
GROUP BY named.customer_id
ORDER BY named.customer_id
