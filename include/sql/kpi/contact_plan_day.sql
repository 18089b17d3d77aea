-- Contacts planned at the opening. Grain: day x basis x channel x queue.
SELECT
    business_day AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    channel,
    queue,
    COUNT(*) AS tasks,
    COUNT(CASE WHEN verdict = 'planned' THEN 1 END) AS planned_tasks,
    COUNT(CASE WHEN verdict = 'blocked' THEN 1 END) AS blocked_tasks,
    COUNT(CASE WHEN verdict = 'cut' THEN 1 END) AS cut_tasks,
    COUNT(CASE WHEN verdict = 'planned' AND needs_approval THEN 1 END) AS approval_tasks,
    COUNT(DISTINCT CASE WHEN verdict = 'planned' THEN customer_id END) AS customers
FROM contact_plan
GROUP BY business_day, channel, queue
ORDER BY channel, queue
