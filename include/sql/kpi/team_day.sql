-- What came of a team's finished days: the sums of its collectors, and its heads. Grain: day x basis x team.
-- attendance is the roster of each finished day as its own run had it, with absences that were reported by hand; of a
-- day without one, whoever had a case or made an attempt was there. Days of whose cases nothing is known have no rows.
WITH worked_days AS (
    SELECT DISTINCT as_of
    FROM collector_day
    WHERE cases > 0
),

days_known AS (
    SELECT DISTINCT as_of
    FROM attendance
),

heads AS (
    SELECT
        attendance.as_of,
        COALESCE(collector_day.team, attendance.team, '') AS team,
        1 AS listed,
        attendance.present
    FROM attendance
    LEFT JOIN collector_day
        ON attendance.as_of = collector_day.as_of AND attendance.collector_id = collector_day.collector_id
    UNION ALL
    SELECT
        collector_day.as_of,
        COALESCE(collector_day.team, '') AS team,
        1 AS listed,
        CASE
            WHEN days_known.as_of IS NULL AND (collector_day.cases > 0 OR collector_day.attempts > 0) THEN 1 ELSE 0
        END AS present
    FROM collector_day
    LEFT JOIN days_known ON collector_day.as_of = days_known.as_of
    LEFT JOIN attendance
        ON collector_day.as_of = attendance.as_of AND collector_day.collector_id = attendance.collector_id
    WHERE attendance.collector_id IS NULL
),

team_heads AS (
    SELECT
        as_of,
        team,
        CAST(SUM(listed) AS BIGINT) AS collectors,
        CAST(SUM(present) AS BIGINT) AS present_collectors
    FROM heads
    WHERE as_of IN (SELECT worked_days.as_of FROM worked_days)
    GROUP BY as_of, team
),

sums AS (
    SELECT
        as_of,
        COALESCE(team, '') AS team,
        SUM(cases) AS cases,
        SUM(overdue_amount) AS overdue_amount,
        SUM(touched_cases) AS touched_cases,
        SUM(case_contacts) AS case_contacts,
        SUM(attempts) AS attempts,
        SUM(connected_attempts) AS connected_attempts,
        SUM(right_party_attempts) AS right_party_attempts,
        SUM(tried_customers) AS tried_customers,
        SUM(connected_customers) AS connected_customers,
        SUM(promises) AS promises,
        SUM(promised_amount) AS promised_amount,
        SUM(promises_due) AS promises_due,
        SUM(promises_kept) AS promises_kept,
        SUM(due_promise_amount) AS due_promise_amount,
        SUM(kept_promise_amount) AS kept_promise_amount,
        SUM(paid_cases) AS paid_cases,
        SUM(paid_amount) AS paid_amount,
        SUM(recovered_amount) AS recovered_amount,
        SUM(target_amount) AS target_amount,
        SUM(CASE WHEN target_amount IS NOT NULL THEN recovered_amount ELSE 0 END) AS recovered_for_target,
        SUM(planned_contacts) AS planned_contacts,
        SUM(blocked_contacts) AS blocked_contacts,
        SUM(grabbed_cases) AS grabbed_cases,
        SUM(given_back_cases) AS given_back_cases,
        SUM(expired_cases) AS expired_cases
    FROM collector_day
    GROUP BY as_of, COALESCE(team, '')
)

SELECT
    team_heads.as_of,
    CAST($basis AS VARCHAR) AS basis,
    team_heads.team,
    team_heads.collectors,
    team_heads.present_collectors,
    CAST(COALESCE(sums.cases, 0) AS BIGINT) AS cases,
    CAST(COALESCE(sums.overdue_amount, 0) AS DECIMAL(18, 2)) AS overdue_amount,
    CAST(COALESCE(sums.touched_cases, 0) AS BIGINT) AS touched_cases,
    CAST(COALESCE(sums.case_contacts, 0) AS BIGINT) AS case_contacts,
    CAST(COALESCE(sums.attempts, 0) AS BIGINT) AS attempts,
    CAST(COALESCE(sums.connected_attempts, 0) AS BIGINT) AS connected_attempts,
    CAST(COALESCE(sums.right_party_attempts, 0) AS BIGINT) AS right_party_attempts,
    CAST(COALESCE(sums.tried_customers, 0) AS BIGINT) AS tried_customers,
    CAST(COALESCE(sums.connected_customers, 0) AS BIGINT) AS connected_customers,
    CAST(COALESCE(sums.promises, 0) AS BIGINT) AS promises,
    CAST(COALESCE(sums.promised_amount, 0) AS DECIMAL(18, 2)) AS promised_amount,
    CAST(COALESCE(sums.promises_due, 0) AS BIGINT) AS promises_due,
    CAST(COALESCE(sums.promises_kept, 0) AS BIGINT) AS promises_kept,
    CAST(COALESCE(sums.due_promise_amount, 0) AS DECIMAL(18, 2)) AS due_promise_amount,
    CAST(COALESCE(sums.kept_promise_amount, 0) AS DECIMAL(18, 2)) AS kept_promise_amount,
    CAST(COALESCE(sums.paid_cases, 0) AS BIGINT) AS paid_cases,
    CAST(COALESCE(sums.paid_amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
    CAST(COALESCE(sums.recovered_amount, 0) AS DECIMAL(18, 2)) AS recovered_amount,
    CAST(sums.target_amount AS DECIMAL(18, 2)) AS target_amount,
    CAST(COALESCE(sums.recovered_for_target, 0) AS DECIMAL(18, 2)) AS recovered_for_target,
    CAST(COALESCE(sums.planned_contacts, 0) AS BIGINT) AS planned_contacts,
    CAST(COALESCE(sums.blocked_contacts, 0) AS BIGINT) AS blocked_contacts,
    CAST(COALESCE(sums.grabbed_cases, 0) AS BIGINT) AS grabbed_cases,
    CAST(COALESCE(sums.given_back_cases, 0) AS BIGINT) AS given_back_cases,
    CAST(COALESCE(sums.expired_cases, 0) AS BIGINT) AS expired_cases,
    CAST($as_of AS DATE) AS known_as_of
FROM team_heads
LEFT JOIN sums ON team_heads.as_of = sums.as_of AND team_heads.team = sums.team
ORDER BY team_heads.as_of, team_heads.team
