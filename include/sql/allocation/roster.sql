-- Who may be given cases today: one row per queue and collector who is at work and trained for it.
-- A list is comma separated (a Chinese comma will do); an empty one says no more than NULL.
WITH lists AS (
    SELECT
        collector_id,
        team,
        CASE WHEN daily_quota < 0 THEN 0 ELSE daily_quota END AS daily_quota,
        CASE WHEN capacity < 0 THEN 0 ELSE capacity END AS capacity,
        NULLIF(TRIM(REPLACE(REPLACE(REPLACE(skills, '，', ','), ', ', ','), ' ,', ',')), '') AS skills,
        NULLIF(TRIM(REPLACE(REPLACE(REPLACE(regions, '，', ','), ', ', ','), ' ,', ',')), '') AS regions
    FROM collectors
    WHERE
        COALESCE(present, TRUE)
        AND COALESCE(active_from <= $as_of, TRUE)
        AND COALESCE(active_to > $as_of, TRUE)
)

SELECT
    queue_rule.queue,
    queue_rule.position,
    lists.collector_id,
    lists.team,
    CASE WHEN queue_rule.respect_regions THEN lists.regions END AS regions,
    lists.daily_quota,
    lists.capacity
FROM lists
CROSS JOIN queue_rule
WHERE lists.skills IS NULL OR STRPOS(CONCAT(',', lists.skills, ','), CONCAT(',', queue_rule.queue, ',')) > 0
ORDER BY queue_rule.position, lists.collector_id
