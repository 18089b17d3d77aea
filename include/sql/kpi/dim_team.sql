-- Teams of collectors that the ledger has or the day's facts name; the empty name is that of those without a team.
-- Grain: team.
WITH named AS (
    SELECT team
    FROM collectors
    WHERE team IS NOT NULL
    UNION
    SELECT team
    FROM team_day
)

SELECT
    named.team,
    COUNT(collectors.collector_id) AS collectors
FROM named
LEFT JOIN collectors ON named.team = COALESCE(collectors.team, '')
GROUP BY named.team
ORDER BY named.team
