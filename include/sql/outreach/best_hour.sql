-- The hour of his day in which a customer is reached best: the one in which he was reached most often since
-- $evidence_from, of equals the earliest, where that was at least $least_connected times.
WITH reached AS (
    SELECT
        p.customer_id,
        CAST(EXTRACT('hour' FROM r.attempted_at + TO_MINUTES(h.ahead_minutes)) AS INTEGER) AS hour
    FROM contact_results AS r
    INNER JOIN channel_name AS n ON r.channel = n.name
    INNER JOIN best_kind AS b ON n.kind = b.kind
    INNER JOIN connected_outcome AS o ON r.outcome = o.outcome
    INNER JOIN contact_person AS p ON r.customer_id = p.customer_id
    INNER JOIN place_hour AS h ON p.place_no = h.place_no AND h.hour = 0
    WHERE r.attempted_at >= $evidence_from AND CAST(r.attempted_at AS DATE) <= $as_of
),

counted AS (
    SELECT
        customer_id,
        hour,
        COUNT(*) AS connected
    FROM reached
    GROUP BY customer_id, hour
    HAVING COUNT(*) >= $least_connected
)

SELECT
    customer_id,
    hour,
    CAST(connected AS INTEGER) AS connected
FROM counted
QUALIFY ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY connected DESC, hour ASC) = 1
