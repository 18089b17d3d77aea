-- Who works which queue: one row per queue and collector who is trained for it, at work today or not.
SELECT
    queue_rule.queue,
    queue_rule.position,
    collector_image.collector_id,
    collector_image.team,
    CASE WHEN queue_rule.respect_regions THEN collector_image.regions END AS regions,
    CASE WHEN queue_rule.respect_languages THEN collector_image.languages END AS languages,
    COALESCE(collector_image.seniority, 0) AS seniority,
    collector_image.daily_quota,
    collector_image.capacity,
    collector_image.at_work
FROM collector_image
CROSS JOIN queue_rule
WHERE
    (
        collector_image.skills IS NULL
        OR STRPOS(CONCAT(',', collector_image.skills, ','), CONCAT(',', queue_rule.queue, ',')) > 0
    )
    AND (
        queue_rule.teams IS NULL
        OR STRPOS(CONCAT(',', queue_rule.teams, ','), CONCAT(',', collector_image.team, ',')) > 0
    )
ORDER BY queue_rule.position, collector_image.collector_id
