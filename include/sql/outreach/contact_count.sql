-- How many contacts count for each limit of the policy: one row per worked case and limit that any counts for.
-- known: they count. open_ones: nobody knows yet how they ended, so they may.
WITH counting AS (
    SELECT
        h.customer_id,
        h.contract_ids,
        h.at_ledger,
        h.at_utc,
        l.rule_no,
        l.per,
        CASE WHEN h.pending AND NOT (h.went AND l.however) THEN 0 ELSE 1 END AS known
    FROM contact_history AS h
    INNER JOIN limit_kind AS k ON h.kind = k.kind
    INNER JOIN policy_limit AS l ON k.rule_no = l.rule_no
    LEFT JOIN limit_skip AS s ON l.rule_no = s.rule_no AND h.outcome = s.outcome
    WHERE
        (l.by_anyone OR NOT h.by_customer)
        AND s.outcome IS NULL
),

called AS (
    SELECT
        customer_id,
        REGEXP_REPLACE(COALESCE(phone, ''), '[^0-9]', '', 'g') AS digits
    FROM customers
),

numbered AS (
    SELECT
        customer_id,
        CASE WHEN LENGTH(digits) >= 5 THEN RIGHT(digits, 10) END AS number_key
    FROM called
),

per_person AS (
    SELECT
        p.customer_id,
        c.rule_no,
        SUM(c.known) AS known,
        COUNT(*) AS contacts
    FROM counting AS c
    INNER JOIN contact_person AS p ON c.customer_id = p.customer_id
    INNER JOIN limit_since AS w ON p.place_no = w.place_no AND c.rule_no = w.rule_no
    WHERE c.per = 'person' AND (c.at_ledger >= w.since_ledger OR c.at_utc >= w.since_utc)
    GROUP BY p.customer_id, c.rule_no
),

debts AS (
    SELECT
        customer_id,
        place_no,
        UNNEST(STRING_SPLIT(contract_ids, ',')) AS contract_id
    FROM contact_person
),

per_debt AS (
    SELECT
        d.customer_id,
        d.contract_id,
        c.rule_no,
        SUM(c.known) AS known,
        COUNT(*) AS contacts
    FROM counting AS c
    INNER JOIN debts AS d
        ON
            c.customer_id = d.customer_id
            AND (c.contract_ids IS NULL OR LIST_CONTAINS(STRING_SPLIT(c.contract_ids, ','), d.contract_id))
    INNER JOIN limit_since AS w ON d.place_no = w.place_no AND c.rule_no = w.rule_no
    WHERE c.per = 'person_and_debt' AND (c.at_ledger >= w.since_ledger OR c.at_utc >= w.since_utc)
    GROUP BY d.customer_id, d.contract_id, c.rule_no
),

per_number AS (
    SELECT
        p.customer_id,
        c.rule_no,
        SUM(c.known) AS known,
        COUNT(*) AS contacts
    FROM counting AS c
    LEFT JOIN numbered AS n ON c.customer_id = n.customer_id
    INNER JOIN contact_person AS p
        ON COALESCE(n.number_key, '#' || c.customer_id) = COALESCE(p.number_key, '#' || p.customer_id)
    INNER JOIN limit_since AS w ON p.place_no = w.place_no AND c.rule_no = w.rule_no
    WHERE c.per = 'number' AND (c.at_ledger >= w.since_ledger OR c.at_utc >= w.since_utc)
    GROUP BY p.customer_id, c.rule_no
)

SELECT
    customer_id,
    rule_no,
    CAST(known AS INTEGER) AS known,
    CAST(contacts - known AS INTEGER) AS open_ones
FROM per_person
UNION ALL
SELECT
    customer_id,
    rule_no,
    CAST(MAX(known) AS INTEGER) AS known,
    CAST(MAX(contacts) - MAX(known) AS INTEGER) AS open_ones
FROM per_debt
GROUP BY customer_id, rule_no
UNION ALL
SELECT
    customer_id,
    rule_no,
    CAST(known AS INTEGER) AS known,
    CAST(contacts - known AS INTEGER) AS open_ones
FROM per_number
