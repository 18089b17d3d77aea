-- Contacts since $history_from, as a policy counts them: those that the ledger knows, the lender's and all agencies'
-- together, and those of Arrears and the desk (ops_contact). What a ledger feeds back of these counts once. What is
-- dated after the business day is left out; a channel that contact.yaml does not know counts as a call.
WITH fed_back AS (
    SELECT contact_key AS result_id
    FROM ops_contact
    UNION
    SELECT result_id
    FROM ops_contact
    WHERE result_id IS NOT NULL
),

of_ledger AS (
    SELECT
        r.result_id,
        COALESCE(r.customer_id, k.customer_id) AS customer_id,
        r.contract_id AS contract_ids,
        COALESCE(n.channel, r.channel) AS channel,
        COALESCE(n.kind, 'call') AS kind,
        r.outcome,
        FALSE AS pending,
        TRUE AS went,
        COALESCE(r.initiated_by, 'lender') = 'customer' AS by_customer,
        r.attempted_at AS at_ledger,
        CAST(NULL AS TIMESTAMP) AS at_utc,
        CAST(r.attempted_at AS DATE) = $as_of AS today
    FROM contact_results AS r
    LEFT JOIN channel_name AS n ON r.channel = n.name
    LEFT JOIN contracts AS k ON r.contract_id = k.contract_id
    LEFT JOIN fed_back AS f ON r.result_id = f.result_id
    WHERE
        r.attempted_at >= $history_from
        AND CAST(r.attempted_at AS DATE) <= $as_of
        AND f.result_id IS NULL
),

of_ops AS (
    SELECT
        o.contact_key AS result_id,
        o.customer_id,
        o.contract_ids,
        COALESCE(n.channel, o.channel) AS channel,
        COALESCE(n.kind, 'call') AS kind,
        o.outcome,
        s.pending,
        s.went,
        o.by_customer,
        CAST(NULL AS TIMESTAMP) AS at_ledger,
        o.at_utc,
        o.today AND s.reached AS today
    FROM ops_contact AS o
    INNER JOIN contact_standing AS s
        ON o.state = s.state AND o.doubtful = s.doubtful AND (o.outcome IS NOT NULL) = s.settled
    LEFT JOIN channel_name AS n ON o.channel = n.name
)

SELECT *
FROM of_ledger
WHERE customer_id IS NOT NULL
UNION ALL
SELECT *
FROM of_ops
