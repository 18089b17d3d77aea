-- What customers stated on how they may be contacted: the ledger's consents, and those of the day (ops_statement).
-- Instants are in the ledger's time; local hours are minutes of the customer's day.
WITH stated AS (
    SELECT
        customer_id,
        channel,
        allowed,
        reason,
        CAST(valid_from AS TIMESTAMP) AS starts_ledger,
        CAST(valid_to AS TIMESTAMP) AS ends_ledger,
        CAST(NULL AS INTEGER) AS local_from,
        CAST(NULL AS INTEGER) AS local_to,
        CAST(NULL AS VARCHAR) AS place
    FROM consents
    UNION ALL
    SELECT
        customer_id,
        channel,
        allowed,
        reason,
        starts_ledger,
        ends_ledger,
        local_from,
        local_to,
        place
    FROM ops_statement
)

SELECT
    s.customer_id,
    COALESCE(n.channel, s.channel) AS channel,
    s.allowed,
    s.reason,
    s.starts_ledger,
    s.ends_ledger,
    s.local_from,
    s.local_to,
    s.place
FROM stated AS s
LEFT JOIN channel_name AS n ON s.channel = n.name
WHERE s.customer_id IS NOT NULL AND s.allowed IS NOT NULL
