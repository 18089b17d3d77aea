-- Cases that are worked but for which no cadence gives a contact over their channels.
SELECT COUNT(*) AS cases
FROM cases AS c
LEFT JOIN (
    SELECT DISTINCT customer_id
    FROM contact_plan
) AS p ON c.customer_id = p.customer_id
WHERE c.queue <> 'none' AND NOT c.held AND p.customer_id IS NULL
