-- One side's contacts per channel, against the channel's cap of the day.
WITH plan AS (
    SELECT
        channel,
        SUM(CASE WHEN verdict = 'planned' THEN 1 ELSE 0 END) AS planned,
        SUM(CASE WHEN verdict = 'planned' AND needs_approval THEN 1 ELSE 0 END) AS to_approve,
        SUM(CASE WHEN verdict = 'blocked' THEN 1 ELSE 0 END) AS blocked,
        SUM(CASE WHEN verdict = 'cut' THEN 1 ELSE 0 END) AS cut
    FROM contact_plan
    GROUP BY channel
)

SELECT
    contact_channel.channel,
    contact_channel.daily_cap,
    CAST(COALESCE(plan.planned, 0) AS BIGINT) AS planned,
    CAST(COALESCE(plan.to_approve, 0) AS BIGINT) AS to_approve,
    CAST(COALESCE(plan.blocked, 0) AS BIGINT) AS blocked,
    CAST(COALESCE(plan.cut, 0) AS BIGINT) AS cut
FROM contact_channel
LEFT JOIN plan ON contact_channel.channel = plan.channel
ORDER BY contact_channel.channel
