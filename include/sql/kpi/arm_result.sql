-- What came of the arms so far: sums over the cases that entered before the day, and over those of them whose days have
-- passed. Grain: day x basis x experiment x shares_from x arm. arm_needs has a row per period of shares and arm.
WITH outcomes AS (
    SELECT
        arm_case.experiment,
        arm_case.shares_from,
        arm_case.arm,
        arm_case.customer_id,
        arm_case.case_entered_on,
        CAST(arm_case.case_entered_on + INTERVAL 1 DAY * arm_needs.within_days AS DATE) AS last_day,
        arm_case.cured_on,
        arm_case.rolled_on
    FROM arm_case
    INNER JOIN arm_needs
        ON
            arm_case.experiment = arm_needs.experiment
            AND arm_case.shares_from = arm_needs.shares_from
            AND arm_case.arm = arm_needs.arm
    WHERE arm_case.case_entered_on < $as_of
),

measured AS (
    SELECT
        outcomes.experiment,
        outcomes.shares_from,
        outcomes.arm,
        outcomes.last_day < $as_of AS matured,
        COALESCE(outcomes.cured_on <= outcomes.last_day, FALSE) AS cured,
        COALESCE(outcomes.rolled_on <= outcomes.last_day, FALSE) AS rolled,
        CAST(COALESCE(SUM(arm_customer_day.recovered_amount), 0) AS DECIMAL(18, 2)) AS recovered_amount,
        CAST(COALESCE(SUM(arm_customer_day.contacts), 0) AS BIGINT) AS contacts
    FROM outcomes
    LEFT JOIN arm_customer_day
        ON
            outcomes.customer_id = arm_customer_day.customer_id
            AND arm_customer_day.on_day BETWEEN outcomes.case_entered_on AND outcomes.last_day
    GROUP BY
        outcomes.experiment,
        outcomes.shares_from,
        outcomes.arm,
        outcomes.customer_id,
        outcomes.case_entered_on,
        outcomes.last_day,
        outcomes.cured_on,
        outcomes.rolled_on
),

summed AS (
    SELECT
        experiment,
        shares_from,
        arm,
        COUNT(*) AS cases,
        COUNT(CASE WHEN matured THEN 1 END) AS matured_cases,
        COUNT(CASE WHEN matured AND cured THEN 1 END) AS cured_cases,
        COUNT(CASE WHEN matured AND rolled THEN 1 END) AS rolled_cases,
        SUM(CASE WHEN matured THEN recovered_amount END) AS recovered_amount,
        SUM(CASE WHEN matured THEN recovered_amount * recovered_amount END) AS recovered_squares,
        SUM(CASE WHEN matured THEN contacts END) AS contacts,
        SUM(CASE WHEN matured THEN contacts * contacts END) AS contact_squares
    FROM measured
    GROUP BY experiment, shares_from, arm
)

SELECT
    CAST($as_of AS DATE) AS as_of,
    CAST($basis AS VARCHAR) AS basis,
    arm_needs.experiment,
    arm_needs.shares_from,
    arm_needs.arm,
    arm_needs.is_champion,
    CAST(arm_needs.share AS DECIMAL(9, 6)) AS share,
    CAST(arm_needs.champion_share AS DECIMAL(9, 6)) AS champion_share,
    arm_needs.valid_before IS NULL OR arm_needs.valid_before > $as_of AS takes_cases,
    CAST(
        GREATEST(0, DATE_DIFF('day', arm_needs.shares_from, LEAST(COALESCE(arm_needs.valid_before, $as_of), $as_of)))
        AS INTEGER
    ) AS entry_days,
    arm_needs.metric,
    arm_needs.within_days,
    arm_needs.required_cases,
    arm_needs.z_value,
    COALESCE(summed.cases, 0) AS cases,
    COALESCE(summed.matured_cases, 0) AS matured_cases,
    COALESCE(summed.cured_cases, 0) AS cured_cases,
    COALESCE(summed.rolled_cases, 0) AS rolled_cases,
    CAST(COALESCE(summed.recovered_amount, 0) AS DECIMAL(18, 2)) AS recovered_amount,
    CAST(COALESCE(summed.recovered_squares, 0) AS DECIMAL(38, 4)) AS recovered_squares,
    CAST(COALESCE(summed.contacts, 0) AS BIGINT) AS contacts,
    CAST(COALESCE(summed.contact_squares, 0) AS BIGINT) AS contact_squares
FROM arm_needs
LEFT JOIN summed
    ON
        arm_needs.experiment = summed.experiment
        AND arm_needs.shares_from = summed.shares_from
        AND arm_needs.arm = summed.arm
WHERE arm_needs.shares_from < $as_of
ORDER BY arm_needs.experiment, arm_needs.shares_from, arm_needs.arm
