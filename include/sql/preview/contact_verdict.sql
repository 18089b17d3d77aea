-- One side's contacts that a rule blocks, cuts or warns of, per rule.
SELECT
    CASE WHEN verdict = 'planned' THEN 'warned' ELSE verdict END AS verdict,
    verdict_rule,
    MAX(verdict_reason) AS reason,
    COUNT(*) AS contacts
FROM contact_plan
WHERE verdict_rule IS NOT NULL
GROUP BY CASE WHEN verdict = 'planned' THEN 'warned' ELSE verdict END, verdict_rule
ORDER BY verdict, verdict_rule
