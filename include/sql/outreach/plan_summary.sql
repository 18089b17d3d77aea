-- The day's contact plan, counted: what is planned per channel, what is blocked, cut or warned of per rule.
SELECT
    'planned' AS figure,
    channel AS name,
    COUNT(*) AS contacts
FROM contact_plan
WHERE verdict = 'planned'
GROUP BY channel
UNION ALL
SELECT
    'awaiting_approval' AS figure,
    placement AS name,
    COUNT(*) AS contacts
FROM contact_plan
WHERE verdict = 'planned' AND needs_approval
GROUP BY placement
UNION ALL
SELECT
    CASE WHEN verdict = 'planned' THEN 'warned' ELSE verdict END AS figure,
    verdict_rule AS name,
    COUNT(*) AS contacts
FROM contact_plan
WHERE verdict_rule IS NOT NULL
GROUP BY CASE WHEN verdict = 'planned' THEN 'warned' ELSE verdict END, verdict_rule
ORDER BY figure, name
