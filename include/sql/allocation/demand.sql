-- The cases to be given, in their queue's order of work, and who keeps his: one row per case with a queue.
-- A case stays with the owner of the morning while he is at work, trained for its queue and for its region. What a
-- collector took by hand (grab, manual) stays up to his capacity; what he was given, up to his quota as well.
WITH ordered AS (
    SELECT
        cases.customer_id,
        cases.queue,
        queue_rule.position,
        CASE WHEN queue_rule.respect_regions THEN COALESCE(TRIM(cases.region), '') ELSE '' END AS region,
        CAST(
            ROW_NUMBER() OVER (
                PARTITION BY cases.queue
                ORDER BY
                    CASE queue_rule.first
                        WHEN 'overdue_amount' THEN CAST(cases.overdue_amount AS DECIMAL(18, 2))
                        WHEN 'days_past_due' THEN CAST(cases.days_past_due AS DECIMAL(18, 2))
                        ELSE CAST(cases.priority AS DECIMAL(18, 2))
                    END DESC,
                    cases.priority DESC,
                    cases.overdue_amount DESC,
                    cases.customer_id ASC
            ) AS INTEGER
        ) AS work_order
    FROM cases
    INNER JOIN queue_rule ON cases.queue = queue_rule.queue
    WHERE cases.queue <> 'none'
),

owned AS (
    SELECT
        ordered.customer_id,
        owners.collector_id,
        owners.by_hand,
        roster.daily_quota,
        roster.capacity,
        ROW_NUMBER() OVER (
            PARTITION BY owners.collector_id
            ORDER BY
                CASE WHEN owners.by_hand THEN 0 ELSE 1 END, ordered.position, ordered.work_order, ordered.customer_id
        ) AS hand_rank,
        ROW_NUMBER() OVER (
            PARTITION BY owners.collector_id, owners.by_hand
            ORDER BY ordered.position, ordered.work_order, ordered.customer_id
        ) AS kind_rank
    FROM ordered
    INNER JOIN owners ON ordered.customer_id = owners.customer_id
    INNER JOIN roster ON owners.collector_id = roster.collector_id AND ordered.queue = roster.queue
    WHERE
        roster.regions IS NULL
        OR ordered.region = ''
        OR STRPOS(CONCAT(',', roster.regions, ','), CONCAT(',', ordered.region, ',')) > 0
),

kept AS (
    SELECT
        customer_id,
        collector_id,
        by_hand
    FROM owned
    WHERE
        COALESCE(hand_rank <= capacity, TRUE)
        AND (by_hand OR COALESCE(kind_rank <= daily_quota, TRUE))
)

SELECT
    ordered.customer_id,
    ordered.queue,
    ordered.region,
    ordered.work_order,
    kept.collector_id AS kept_by,
    COALESCE(kept.by_hand, FALSE) AS by_hand
FROM ordered
LEFT JOIN kept ON ordered.customer_id = kept.customer_id
ORDER BY ordered.position, ordered.work_order
