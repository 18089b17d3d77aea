-- Who may be given cases today: one row per queue and collector who is at work and trained for it.
SELECT
    queue_rule.queue,
    queue_rule.position,
    collector_image.collector_id,
    collector_image.team,
    CASE WHEN queue_rule.respect_regions THEN collector_image.regions END AS regions,
    collector_image.daily_quota,
    collector_image.capacity
FROM collector_image
CROSS JOIN queue_rule
WHERE
    collector_image.at_work
    AND (
        collector_image.skills IS NULL
        OR STRPOS(CONCAT(',', collector_image.skills, ','), CONCAT(',', queue_rule.queue, ',')) > 0
    )
ORDER BY queue_rule.position, collector_image.collector_id
