-- Channels that failed: the customer's last contact over them since $failures_from ended so that the address is taken
-- as one that does not work.
WITH told AS (
    SELECT
        COALESCE(r.customer_id, k.customer_id) AS customer_id,
        COALESCE(n.channel, r.channel) AS channel,
        r.outcome,
        r.attempted_at AS at
    FROM contact_results AS r
    LEFT JOIN channel_name AS n ON r.channel = n.name
    LEFT JOIN contracts AS k ON r.contract_id = k.contract_id
    WHERE r.attempted_at >= $failures_from AND CAST(r.attempted_at AS DATE) <= $as_of
    UNION ALL
    SELECT
        o.customer_id,
        COALESCE(n.channel, o.channel) AS channel,
        CASE WHEN o.bad_address THEN 'invalid' ELSE o.outcome END AS outcome,
        o.at_utc + TO_MINUTES(CAST($lender_ahead_minutes AS INTEGER)) AS at
    FROM ops_contact AS o
    LEFT JOIN channel_name AS n ON o.channel = n.name
    WHERE o.outcome IS NOT NULL OR o.bad_address
),

last AS (
    SELECT
        customer_id,
        channel,
        outcome
    FROM told
    WHERE customer_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY customer_id, channel ORDER BY at DESC, outcome ASC) = 1
)

SELECT
    l.customer_id,
    l.channel
FROM last AS l
INNER JOIN failed_outcome AS f ON l.outcome = f.outcome
