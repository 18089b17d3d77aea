-- What came of a channel's finished days. Grain: day x basis x channel x source.
-- contact_plan is that of the finished days; contact_tasks (day x channel x state: tasks) and contact_attempts (one row
-- per day, customer and attempt, with how it ended and how far it came) come from ops. outcome_stage says how far an
-- outcome proves that a contact came: the same words for what the lender's other systems report.
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
        ended,
        arrived,
        answered,
        promised
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
        END AS ended,
        COALESCE(outcome_stage.arrived, FALSE) AS arrived,
        COALESCE(outcome_stage.reached, FALSE) AS answered,
        -- the ledger does not say in which contact a promise was made
        FALSE AS promised
    FROM contact_results
    INNER JOIN closing_days ON CAST(contact_results.attempted_at AS DATE) = closing_days.as_of
    LEFT JOIN contracts ON contact_results.contract_id = contracts.contract_id
    LEFT JOIN outcome_stage ON contact_results.outcome = outcome_stage.outcome
    WHERE COALESCE(contact_results.initiated_by, 'lender') <> 'customer'
),

payers AS (
    SELECT DISTINCT
        closing_days.as_of,
        contracts.customer_id
    FROM payments
    INNER JOIN closing_days ON payments.value_date = closing_days.as_of
    INNER JOIN contracts ON payments.contract_id = contracts.contract_id
    WHERE payments.reversed_on IS NULL OR payments.reversed_on > $as_of
),

tried AS (
    SELECT
        attempts.as_of,
        attempts.channel,
        attempts.source,
        COUNT(*) AS attempts,
        COUNT(CASE WHEN attempts.ended IN ('sent', 'delivered') THEN 1 END) AS sent_attempts,
        COUNT(CASE WHEN attempts.arrived THEN 1 END) AS delivered_attempts,
        COUNT(CASE WHEN outcome_stage.reached THEN 1 END) AS connected_attempts,
        COUNT(CASE WHEN outcome_stage.right_party THEN 1 END) AS right_party_attempts,
        COUNT(CASE WHEN attempts.ended = 'failed' THEN 1 END) AS failed_attempts,
        COUNT(CASE WHEN attempts.ended = 'unknown' THEN 1 END) AS unknown_attempts,
        COUNT(DISTINCT attempts.customer_id) AS tried_customers,
        COUNT(DISTINCT CASE WHEN outcome_stage.reached THEN attempts.customer_id END) AS connected_customers,
        COUNT(CASE WHEN attempts.answered THEN 1 END) AS answered_attempts,
        COUNT(CASE WHEN attempts.promised THEN 1 END) AS promised_attempts,
        COUNT(CASE WHEN attempts.ended IN ('sent', 'delivered') AND payers.customer_id IS NOT NULL THEN 1 END)
            AS paid_attempts
    FROM attempts
    LEFT JOIN outcome_stage ON attempts.outcome = outcome_stage.outcome
    LEFT JOIN payers ON attempts.as_of = payers.as_of AND attempts.customer_id = payers.customer_id
    GROUP BY attempts.as_of, attempts.channel, attempts.source
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
    COALESCE(tried.answered_attempts, 0) AS answered_attempts,
    COALESCE(tried.promised_attempts, 0) AS promised_attempts,
    COALESCE(tried.paid_attempts, 0) AS paid_attempts,
    CAST($as_of AS DATE) AS known_as_of
FROM active
LEFT JOIN planned
    ON active.as_of = planned.as_of AND active.channel = planned.channel AND active.source = 'arrears'
LEFT JOIN settled
    ON active.as_of = settled.as_of AND active.channel = settled.channel AND active.source = 'arrears'
LEFT JOIN tried
    ON active.as_of = tried.as_of AND active.channel = tried.channel AND active.source = tried.source
ORDER BY active.as_of, active.channel, active.source
