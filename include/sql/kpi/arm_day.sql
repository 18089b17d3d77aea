-- What came of the arms on finished days. Grain: day x basis x experiment x arm.
-- A case is open from its entry day to the day on which it is over, both included: on that day it was still a case when
-- the day began. Money and contacts are those of open cases.
WITH open_cases AS (
    SELECT
        closing_days.as_of,
        arm_case.experiment,
        arm_case.arm,
        arm_case.customer_id,
        arm_case.case_entered_on,
        arm_case.cured_on,
        arm_case.rolled_on,
        arm_needs.within_days
    FROM arm_case
    INNER JOIN arm_needs
        ON
            arm_case.experiment = arm_needs.experiment
            AND arm_case.shares_from = arm_needs.shares_from
            AND arm_case.arm = arm_needs.arm
    INNER JOIN closing_days
        ON
            closing_days.as_of >= arm_case.case_entered_on
            AND (arm_case.over_on IS NULL OR closing_days.as_of <= arm_case.over_on)
)

SELECT
    open_cases.as_of,
    CAST($basis AS VARCHAR) AS basis,
    open_cases.experiment,
    open_cases.arm,
    COUNT(*) AS open_cases,
    COUNT(CASE WHEN open_cases.case_entered_on = open_cases.as_of THEN 1 END) AS entered_cases,
    COUNT(CASE WHEN open_cases.cured_on = open_cases.as_of THEN 1 END) AS cured_cases,
    COUNT(
        CASE
            WHEN
                open_cases.cured_on = open_cases.as_of
                AND DATE_DIFF('day', open_cases.case_entered_on, open_cases.as_of) <= open_cases.within_days
                THEN 1
        END
    ) AS cured_in_time_cases,
    COUNT(CASE WHEN open_cases.rolled_on = open_cases.as_of THEN 1 END) AS rolled_cases,
    COUNT(CASE WHEN arm_customer_day.recovered_amount > 0 THEN 1 END) AS paid_cases,
    CAST(COALESCE(SUM(arm_customer_day.recovered_amount), 0) AS DECIMAL(18, 2)) AS recovered_amount,
    COUNT(CASE WHEN arm_customer_day.contacts > 0 THEN 1 END) AS touched_cases,
    CAST(COALESCE(SUM(arm_customer_day.contacts), 0) AS BIGINT) AS contacts,
    CAST($as_of AS DATE) AS known_as_of
FROM open_cases
LEFT JOIN arm_customer_day
    ON open_cases.customer_id = arm_customer_day.customer_id AND open_cases.as_of = arm_customer_day.on_day
GROUP BY open_cases.as_of, open_cases.experiment, open_cases.arm
ORDER BY open_cases.as_of, open_cases.experiment, open_cases.arm
