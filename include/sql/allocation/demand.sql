-- The cases to be given, in their queue's order of work: one row per case with a queue, with what its collector must
-- be able to do, what is expected of it, who had it in the morning, and the rule by which it goes back, if one does.
-- What a rule does not ask for is NULL, as is what the ledger does not know: that binds nobody.
WITH ordered AS (
    SELECT
        cases.customer_id,
        cases.queue,
        queue_rule.position,
        CASE WHEN queue_rule.respect_regions THEN NULLIF(TRIM(cases.region), '') END AS region,
        CASE WHEN queue_rule.respect_languages THEN NULLIF(TRIM(cases.language), '') END AS language,
        cases.lead_contract_id,
        cases.bucket,
        cases.class,
        cases.overdue_amount,
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

senior AS (
    SELECT
        ordered.customer_id,
        MAX(senior_from.seniority) AS seniority
    FROM ordered
    INNER JOIN senior_from ON ordered.queue = senior_from.queue AND ordered.overdue_amount >= senior_from.amount
    GROUP BY ordered.customer_id
),

-- The share expected for the class and the band of the score; without a score, or a line for its band, for the class.
expectation AS (
    SELECT
        ordered.customer_id,
        COALESCE(treatment.collection_band, '') AS band,
        COALESCE(MAX(by_band.share), MAX(by_class.share), CAST(0.5 AS DECIMAL(18, 4))) AS share
    FROM ordered
    LEFT JOIN treatment ON ordered.lead_contract_id = treatment.contract_id
    LEFT JOIN expected AS by_band
        ON ordered.class = by_band.class AND treatment.collection_band = by_band.band
    LEFT JOIN expected AS by_class ON ordered.class = by_class.class AND by_class.band IS NULL
    GROUP BY ordered.customer_id, treatment.collection_band
),

owned AS (
    SELECT
        ordered.customer_id,
        ordered.queue,
        ordered.bucket,
        queue_rule.keep_days,
        queue_rule.keep_promises,
        queue_rule.on_queue_change,
        queue_rule.on_bucket_change,
        queue_rule.no_result_days,
        queue_rule.term_days,
        owners.collector_id,
        owners.by_hand,
        owners.from_day,
        owners.queue AS queue_then,
        owners.bucket AS bucket_then,
        DATE_DIFF('day', owners.from_day, $as_of) AS days
    FROM ordered
    INNER JOIN queue_rule ON ordered.queue = queue_rule.queue
    INNER JOIN owners ON ordered.customer_id = owners.customer_id
),

-- Contracts of the cases whose owner is asked for a promise or a result.
owned_contracts AS (
    SELECT
        contracts.contract_id,
        owned.customer_id,
        owned.from_day
    FROM owned
    INNER JOIN contracts ON owned.customer_id = contracts.customer_id
),

promised AS (
    SELECT DISTINCT owned_contracts.customer_id
    FROM owned_contracts
    INNER JOIN promises ON owned_contracts.contract_id = promises.contract_id
    WHERE promises.due_on >= $as_of AND COALESCE(promises.made_on <= $as_of, TRUE)
    UNION
    SELECT desk_promise.customer_id
    FROM desk_promise
    WHERE desk_promise.due_on >= $as_of
),

worked AS (
    SELECT owned.customer_id
    FROM owned
    INNER JOIN contact_results
        ON owned.customer_id = contact_results.customer_id AND owned.collector_id = contact_results.collector_id
    INNER JOIN result_outcome
        ON owned.queue = result_outcome.queue AND contact_results.outcome = result_outcome.outcome
    WHERE
        CAST(contact_results.attempted_at AS DATE) >= owned.from_day
        AND CAST(contact_results.attempted_at AS DATE) < $as_of
    UNION
    SELECT owned.customer_id
    FROM owned
    INNER JOIN desk_result
        ON owned.customer_id = desk_result.customer_id AND owned.collector_id = desk_result.collector_id
    INNER JOIN result_outcome ON owned.queue = result_outcome.queue AND desk_result.outcome = result_outcome.outcome
    WHERE desk_result.business_day >= owned.from_day
    UNION
    SELECT owned_contracts.customer_id
    FROM owned_contracts
    INNER JOIN promises ON owned_contracts.contract_id = promises.contract_id
    WHERE promises.made_on >= owned_contracts.from_day AND promises.made_on < $as_of
    UNION
    SELECT owned.customer_id
    FROM owned
    INNER JOIN desk_promise ON owned.customer_id = desk_promise.customer_id
    WHERE desk_promise.made_on >= owned.from_day
    UNION
    SELECT owned_contracts.customer_id
    FROM owned_contracts
    INNER JOIN payments ON owned_contracts.contract_id = payments.contract_id
    WHERE
        payments.value_date >= owned_contracts.from_day
        AND payments.value_date <= $as_of
        AND COALESCE(payments.reversed_on > $as_of, TRUE)
),

kept AS (
    SELECT
        owned.customer_id,
        owned.collector_id,
        owned.by_hand,
        promised.customer_id IS NOT NULL AND owned.keep_promises AS promised,
        -- a placement that is over and another queue are no matter of promises
        CASE
            WHEN owned.on_queue_change AND owned.queue <> owned.queue_then THEN 'queue_changed'
            WHEN owned.days >= owned.term_days THEN 'term_over'
            WHEN promised.customer_id IS NOT NULL AND owned.keep_promises THEN NULL
            WHEN owned.on_bucket_change AND owned.bucket <> owned.bucket_then THEN 'bucket_changed'
            WHEN owned.days >= owned.no_result_days AND worked.customer_id IS NULL THEN 'no_result'
            WHEN owned.days >= owned.keep_days THEN 'kept_long_enough'
        END AS released
    FROM owned
    LEFT JOIN promised ON owned.customer_id = promised.customer_id
    LEFT JOIN worked ON owned.customer_id = worked.customer_id
)

SELECT
    ordered.customer_id,
    ordered.queue,
    ordered.position,
    ordered.work_order,
    ordered.region,
    ordered.language,
    senior.seniority AS min_seniority,
    ordered.bucket,
    expectation.band,
    CAST(ordered.overdue_amount * 100 AS BIGINT) AS cents,
    CAST(FLOOR(ordered.overdue_amount * 100 * expectation.share) AS BIGINT) AS expected_cents,
    CAST((1 - expectation.share) * 10000 AS BIGINT) AS difficulty,
    kept.collector_id AS owner,
    COALESCE(kept.by_hand, FALSE) AS by_hand,
    COALESCE(kept.promised, FALSE) AS promised,
    kept.released
FROM ordered
INNER JOIN expectation ON ordered.customer_id = expectation.customer_id
LEFT JOIN senior ON ordered.customer_id = senior.customer_id
LEFT JOIN kept ON ordered.customer_id = kept.customer_id
ORDER BY ordered.position, ordered.work_order
