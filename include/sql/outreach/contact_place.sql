-- Where the ledger says that the customers with a case are: time zone and region, each pair once.
SELECT DISTINCT
    COALESCE(TRIM(u.time_zone), '') AS time_zone,
    LOWER(COALESCE(TRIM(COALESCE(u.region, c.region)), '')) AS region
FROM cases AS c
LEFT JOIN customers AS u ON c.customer_id = u.customer_id
