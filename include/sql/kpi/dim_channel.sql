-- Channels that anything was planned or tried on. Grain: channel.
WITH named AS (
    SELECT channel
    FROM contact_plan_day
    UNION
    SELECT channel
    FROM channel_day
)

SELECT
    named.channel,
    COALESCE(labels.en, named.channel) AS label_en,
    COALESCE(labels.zh, named.channel) AS label_zh
FROM named
LEFT JOIN labels ON named.channel = labels.code
ORDER BY named.channel
