-- Who must not get which case (kind: conflict, not_back), and who had it before (kind: former): one row per pair.
-- not_back: he lost it for a reason for which the queue's rules keep it from him for some days. What a person gave him
-- since then is his again: it concerns nobody who has the case now.
WITH at_hand AS (
    SELECT
        cases.customer_id,
        cases.queue
    FROM cases
    WHERE cases.queue <> 'none'
)

SELECT
    at_hand.customer_id,
    conflict.collector_id,
    'conflict' AS kind
FROM at_hand
INNER JOIN conflict ON at_hand.customer_id = conflict.customer_id
UNION
SELECT
    at_hand.customer_id,
    conflict.collector_id,
    'conflict' AS kind
FROM at_hand
INNER JOIN contracts ON at_hand.customer_id = contracts.customer_id
INNER JOIN conflict ON contracts.dealer_id = conflict.dealer_id
UNION
SELECT
    at_hand.customer_id,
    past_owner.collector_id,
    CASE WHEN not_back.queue IS NULL THEN 'former' ELSE 'not_back' END AS kind
FROM at_hand
INNER JOIN past_owner ON at_hand.customer_id = past_owner.customer_id
LEFT JOIN owners ON at_hand.customer_id = owners.customer_id AND past_owner.collector_id = owners.collector_id
LEFT JOIN not_back
    ON
        at_hand.queue = not_back.queue
        AND past_owner.end_reason = not_back.end_reason
        AND past_owner.days_ago <= not_back.days
WHERE owners.customer_id IS NULL
ORDER BY customer_id, collector_id, kind
