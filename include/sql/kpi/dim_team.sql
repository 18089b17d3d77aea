-- Teams of collectors. Grain: team.
SELECT
    team,
    COUNT(*) AS collectors
FROM collectors
WHERE team IS NOT NULL
GROUP BY team
ORDER BY team
