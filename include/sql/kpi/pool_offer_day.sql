-- How each queue's cases were split between collectors and the pool at the opening. Grain: day x basis x queue.
SELECT
    assignment.as_of,
    CAST($basis AS VARCHAR) AS basis,
    assignment.queue,
    COUNT(*) AS cases,
    COUNT(assignment.collector_id) AS allocated_cases,
    COUNT(*) - COUNT(assignment.collector_id) AS offered_cases,
    COUNT(DISTINCT assignment.collector_id) AS collectors,
    CAST(SUM(cases.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(
        SUM(CASE WHEN assignment.collector_id IS NOT NULL THEN cases.overdue_amount ELSE 0 END) AS DECIMAL(18, 2)
    ) AS allocated_amount,
    CAST(
        SUM(CASE WHEN assignment.collector_id IS NULL THEN cases.overdue_amount ELSE 0 END) AS DECIMAL(18, 2)
    ) AS offered_amount
FROM assignment
INNER JOIN cases ON assignment.customer_id = cases.customer_id
GROUP BY assignment.as_of, assignment.queue
ORDER BY assignment.queue
