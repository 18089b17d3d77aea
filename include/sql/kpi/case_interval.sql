-- Who had which case on finished days, the pool included, and what came of it. Grain: day x basis x case x interval.
-- intervals are those of ops that lasted on any of the days. A case's money and contacts of a day count once: with the
-- interval whose collector the case is credited to, or with the pool's (case_credit). What ended later is told as
-- lasting, so that a later run says the same of the day.
WITH lasting AS (
    SELECT
        closing_days.as_of,
        intervals.case_id,
        intervals.interval_no,
        intervals.customer_id,
        intervals.queue,
        intervals.collector_id,
        intervals.source,
        intervals.reason,
        intervals.began_on,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.ended_on END AS ended_on,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.end_reason END AS end_reason,
        CASE WHEN intervals.ended_on <= closing_days.as_of THEN intervals.minutes END AS minutes
    FROM intervals
    INNER JOIN closing_days
        ON
            intervals.began_on <= closing_days.as_of
            AND (intervals.ended_on IS NULL OR intervals.ended_on >= closing_days.as_of)
)

SELECT
    lasting.as_of,
    CAST($basis AS VARCHAR) AS basis,
    lasting.case_id,
    lasting.interval_no,
    lasting.customer_id,
    lasting.queue,
    lasting.collector_id,
    collectors.team,
    lasting.source,
    lasting.reason,
    lasting.began_on,
    lasting.ended_on,
    lasting.end_reason,
    lasting.minutes,
    case_credit.case_id IS NOT NULL AS is_credited,
    CAST(COALESCE(case_credit.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(COALESCE(case_credit.recovered_amount, 0) AS DECIMAL(18, 2)) AS recovered_amount,
    CAST(COALESCE(case_credit.contacts, 0) AS BIGINT) AS contacts,
    COALESCE(case_credit.cured, 0) = 1 AS cured,
    CAST($as_of AS DATE) AS known_as_of
FROM lasting
LEFT JOIN collectors ON lasting.collector_id = collectors.collector_id
LEFT JOIN case_credit
    ON
        lasting.as_of = case_credit.as_of
        AND lasting.case_id = case_credit.case_id
        AND lasting.interval_no = case_credit.interval_no
ORDER BY lasting.as_of, lasting.case_id, lasting.interval_no
