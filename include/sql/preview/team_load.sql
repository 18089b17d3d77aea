-- One side's load per team: what its collectors at work get, against what they can take in all.
WITH members AS (
    SELECT DISTINCT
        collector_id,
        COALESCE(team, '') AS team,
        capacity,
        LEAST(daily_quota, capacity) AS quota
    FROM roster
),

held_by AS (
    SELECT
        collector_id,
        COUNT(*) AS cases
    FROM assignment
    WHERE collector_id IS NOT NULL
    GROUP BY collector_id
)

SELECT
    members.team,
    COUNT(*) AS collectors,
    CAST(SUM(COALESCE(held_by.cases, 0)) AS BIGINT) AS cases,
    -- unlimited when anybody of the team is
    CASE WHEN COUNT(members.capacity) = COUNT(*) THEN CAST(SUM(members.capacity) AS BIGINT) END AS capacity,
    CASE WHEN COUNT(members.quota) = COUNT(*) THEN CAST(SUM(members.quota) AS BIGINT) END AS quota,
    MIN(COALESCE(held_by.cases, 0)) AS fewest,
    MAX(COALESCE(held_by.cases, 0)) AS most,
    CAST(SUM(CASE WHEN held_by.cases >= members.capacity THEN 1 ELSE 0 END) AS BIGINT) AS full_collectors
FROM members
LEFT JOIN held_by ON members.collector_id = held_by.collector_id
GROUP BY members.team
ORDER BY members.team
