-- What came of a channel's finished days. Grain: day x basis x channel x source.
-- contact_plan is that of the finished days; contact_tasks (day x channel x state: tasks) and contact_attempts (one row
-- per day, customer and attempt, with how it ended) come from ops.
WITH planned AS (
    SELECT
        business_day AS as_of,
        channel,
        COUNT(*) AS tasks,
        COUNT(CASE WHEN verdict = 'blocked' THEN 1 END) AS blocked_tasks,
        COUNT(CASE WHEN verdict = 'cut' THEN 1 END) AS cut_tasks
    FROM contact_plan
    GROUP BY business_day, channel
),

settled AS (
    SELECT
        as_of,
        channel,
        SUM(CASE WHEN state = 'blocked' THEN tasks ELSE 0 END) AS blocked_tasks,
        SUM(CASE WHEN state IN ('rejected', 'lapsed') THEN tasks ELSE 0 END) AS withheld_tasks,
        SUM(CASE WHEN state IN ('cancelled', 'expired') AND tried = 0 THEN tasks ELSE 0 END) AS unsent_tasks
    FROM contact_tasks
    GROUP BY as_of, channel
),

attempts AS (
    SELECT
        as_of,
        channel,
        'arrears' AS source,
        customer_id,
        outcome,
        ended
    FROM contact_attempts
    UNION ALL
    SELECT
        closing_days.as_of,
        contact_results.channel,
        'ledger' AS source,
        COALESCE(contact_results.customer_id, contracts.customer_id) AS customer_id,
        contact_results.outcome,
        CASE
            WHEN contact_results.outcome IN ('failed', 'invalid') THEN 'failed'
            WHEN contact_results.outcome IS NULL THEN 'unknown'
            ELSE 'delivered'
        END AS ended
    FROM contact_results
    INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
    WHERE COALESCE(contact_results.initiated_by, 'lender') <> 'customer'
),

tried AS (
    SELECT
        as_of,
        channel,
        source,
        COUNT(*) AS attempts,
        COUNT(CASE WHEN ended IN ('sent', 'delivered') THEN 1 END) AS sent_attempts,
        COUNT(
            CASE
                WHEN
                    ended = 'delivered'
                    AND COALESCE(outcome, 'delivered') IN ('delivered', 'connected', 'right_party', 'wrong_party')
                    THEN 1
            END
        ) AS delivered_attempts,
        COUNT(CASE WHEN outcome IN ('connected', 'right_party', 'wrong_party') THEN 1 END) AS connected_attempts,
        COUNT(CASE WHEN outcome = 'right_party' THEN 1 END) AS right_party_attempts,
        COUNT(CASE WHEN ended = 'failed' THEN 1 END) AS failed_attempts,
        COUNT(CASE WHEN ended = 'unknown' THEN 1 END) AS unknown_attempts,
        COUNT(DISTINCT customer_id) AS tried_customers,
        COUNT(DISTINCT CASE WHEN outcome IN ('connected', 'right_party', 'wrong_party') THEN customer_id END)
            AS connected_customers
    FROM attempts
    GROUP BY as_of, channel, source
),

active AS (
    SELECT
        as_of,
        channel,
        'arrears' AS source
    FROM planned
    UNION
    SELECT
        as_of,
        channel,
        'arrears' AS source
    FROM settled
    UNION
    SELECT
        as_of,
        channel,
        source
    FROM tried
)

SELECT
    active.as_of,
    CAST($basis AS VARCHAR) AS basis,
    active.channel,
    active.source,
    COALESCE(planned.tasks, 0) AS tasks,
    CAST(COALESCE(planned.blocked_tasks, 0) + COALESCE(settled.blocked_tasks, 0) AS BIGINT) AS blocked_tasks,
    COALESCE(planned.cut_tasks, 0) AS cut_tasks,
    CAST(COALESCE(settled.withheld_tasks, 0) AS BIGINT) AS withheld_tasks,
    CAST(COALESCE(settled.unsent_tasks, 0) AS BIGINT) AS unsent_tasks,
    COALESCE(tried.attempts, 0) AS attempts,
    COALESCE(tried.sent_attempts, 0) AS sent_attempts,
    COALESCE(tried.delivered_attempts, 0) AS delivered_attempts,
    COALESCE(tried.connected_attempts, 0) AS connected_attempts,
    COALESCE(tried.right_party_attempts, 0) AS right_party_attempts,
    COALESCE(tried.failed_attempts, 0) AS failed_attempts,
    COALESCE(tried.unknown_attempts, 0) AS unknown_attempts,
    COALESCE(tried.tried_customers, 0) AS tried_customers,
    COALESCE(tried.connected_customers, 0) AS connected_customers,
    CAST($as_of AS DATE) AS known_as_of
FROM active
LEFT JOIN planned
    ON active.as_of = planned.as_of AND active.channel = planned.channel AND active.source = 'arrears'
LEFT JOIN settled
    ON active.as_of = settled.as_of AND active.channel = settled.channel AND active.source = 'arrears'
LEFT JOIN tried
    ON active.as_of = tried.as_of AND active.channel = tried.channel AND active.source = tried.source
ORDER BY active.as_of, active.channel, active.source
