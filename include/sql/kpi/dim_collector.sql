-- Collectors that the ledger has or the day's facts name, without names. Grain: collector.
WITH named AS (
    SELECT collector_id
    FROM collectors
    UNION
    SELECT collector_id
    FROM case_assignment
    WHERE collector_id IS NOT NULL
    UNION
    SELECT collector_id
    FROM collector_day
    UNION
    SELECT collector_id
    FROM case_interval
    WHERE collector_id IS NOT NULL
)

SELECT
    named.collector_id,
    CASE
        WHEN collectors.team IS NULL THEN named.collector_id
        ELSE CONCAT(named.collector_id, ' · ', collectors.team)
    END AS label,
    collectors.team,
    collectors.skills AS queues,
    collectors.regions,
    collectors.daily_quota,
    collectors.capacity,
    collectors.active_from,
    collectors.active_to
FROM named
LEFT JOIN collectors ON named.collector_id = collectors.collector_id
ORDER BY named.collector_id
