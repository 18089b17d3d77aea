-- The channels that a customer refuses today: of the statements in force the latest counts, and of two of one day the
-- refusal. The channel 'all' speaks about every channel.
WITH in_force AS (
    SELECT
        c.customer_id,
        COALESCE(n.channel, c.channel) AS channel,
        c.allowed,
        c.valid_from
    FROM consents AS c
    LEFT JOIN channel_name AS n ON c.channel = n.name
    WHERE
        (c.valid_from IS NULL OR c.valid_from <= $as_of)
        AND (c.valid_to IS NULL OR c.valid_to > $as_of)
),

latest AS (
    SELECT
        customer_id,
        channel,
        allowed,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id, channel
            ORDER BY valid_from DESC NULLS LAST, CASE WHEN allowed THEN 1 ELSE 0 END
        ) AS recency
    FROM in_force
)

SELECT
    customer_id,
    channel
FROM latest
WHERE recency = 1 AND NOT allowed
