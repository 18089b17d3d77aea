-- What the plan of the opening blocked, cut or remarked, per rule. Grain: day x basis x channel x verdict x rule.
SELECT
    business_day AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    channel,
    CASE WHEN verdict = 'planned' THEN 'remarked' ELSE verdict END AS verdict,
    verdict_rule AS rule,
    MAX(verdict_reason) AS reason,
    COUNT(*) AS contacts,
    COUNT(DISTINCT customer_id) AS customers
FROM contact_plan
WHERE verdict_rule IS NOT NULL
GROUP BY business_day, channel, CASE WHEN verdict = 'planned' THEN 'remarked' ELSE verdict END, verdict_rule
ORDER BY channel, verdict, rule
