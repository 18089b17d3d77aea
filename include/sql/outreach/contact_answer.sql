-- What customers' statements say to each way of contacting them today: one row per case with a statement, slot and
-- channel. A window is looked at when it opens and whenever a statement begins, ends, or comes to its hours within it;
-- between these instants nothing changes. free: at one of them nothing is refused. agreed: packs whose prior consent is
-- in force at one of these. extends: one of them lies outside the policy's hours, which the customer agreed to.
WITH option AS (
    SELECT
        p.customer_id,
        p.place_no,
        s.slot,
        s.channel,
        c.named,
        c.kind,
        c.asks_consent,
        c.place,
        w.opens_ledger,
        w.closes_ledger,
        w.slot_opens_ledger,
        w.slot_closes_ledger
    FROM contact_person AS p
    INNER JOIN (
        SELECT DISTINCT customer_id
        FROM customer_statement
    ) AS d ON p.customer_id = d.customer_id
    INNER JOIN cadence_slot AS s ON p.cadence_no = s.cadence_no
    INNER JOIN contact_channel AS c ON s.channel = c.channel
    INNER JOIN contact_window AS w
        ON
            p.place_no = w.place_no
            AND s.cadence_no = w.cadence_no
            AND s.slot = w.slot
            AND s.channel = w.channel
),

-- a statement's matter: a notice that ends contacts of the kind whatever it names, or the channel with hours and place
speaking AS (
    SELECT
        o.customer_id,
        o.place_no,
        o.slot,
        o.channel,
        s.allowed,
        s.reason,
        s.starts_ledger,
        s.ends_ledger,
        s.local_from,
        s.local_to,
        s.channel IN (o.named, o.channel, 'all') AS names_channel,
        t.rule_id AS stop_rule,
        CASE
            WHEN t.rule_id IS NOT NULL THEN 'stop|' || s.reason
            WHEN
                o.asks_consent
                AND s.channel IN (o.named, o.channel, 'all')
                AND (s.place IS NULL OR s.place = o.place)
                THEN CONCAT_WS(
                    '|', s.channel, COALESCE(s.local_from, -1), COALESCE(s.local_to, -1), COALESCE(s.place, '')
                )
        END AS matter,
        s.local_from IS NOT NULL OR s.place IS NOT NULL AS by_preference
    FROM option AS o
    INNER JOIN customer_statement AS s ON o.customer_id = s.customer_id
    LEFT JOIN stop_notice AS t ON s.reason = t.reason AND o.kind = t.kind
),

boundary AS (
    SELECT
        customer_id,
        slot,
        channel,
        starts_ledger AS at
    FROM speaking
    UNION
    SELECT
        customer_id,
        slot,
        channel,
        ends_ledger AS at
    FROM speaking
    UNION
    SELECT
        s.customer_id,
        s.slot,
        s.channel,
        m.midnight_ledger + TO_MINUTES(s.local_from) AS at
    FROM speaking AS s
    INNER JOIN place_midnight AS m ON s.place_no = m.place_no
    UNION
    SELECT
        s.customer_id,
        s.slot,
        s.channel,
        m.midnight_ledger + TO_MINUTES(s.local_to) AS at
    FROM speaking AS s
    INNER JOIN place_midnight AS m ON s.place_no = m.place_no
),

probe AS (
    SELECT
        o.customer_id,
        o.place_no,
        o.slot,
        o.channel,
        b.at,
        COALESCE(b.at >= o.opens_ledger AND b.at < o.closes_ledger, FALSE) AS in_hours
    FROM option AS o
    INNER JOIN (
        SELECT
            customer_id,
            slot,
            channel,
            at
        FROM boundary
        UNION
        SELECT
            customer_id,
            slot,
            channel,
            opens_ledger AS at
        FROM option
        UNION
        SELECT
            customer_id,
            slot,
            channel,
            slot_opens_ledger AS at
        FROM option
    ) AS b ON o.customer_id = b.customer_id AND o.slot = b.slot AND o.channel = b.channel
    WHERE b.at >= o.slot_opens_ledger AND b.at < o.slot_closes_ledger
),

clock AS (
    SELECT
        p.customer_id,
        p.slot,
        p.channel,
        p.at,
        (CAST(DATE_DIFF('minute', m.midnight_ledger, p.at) AS INTEGER) + 1440) % 1440 AS minute
    FROM probe AS p
    INNER JOIN place_midnight AS m ON p.place_no = m.place_no
),

-- whether a statement is in its hours: a refusal in any zone that the customer may be in, a consent in all of them
heard AS (
    SELECT
        p.customer_id,
        p.place_no,
        p.slot,
        p.channel,
        p.at,
        s.matter,
        s.allowed,
        s.reason,
        s.starts_ledger,
        s.local_from,
        s.stop_rule,
        s.by_preference,
        s.names_channel,
        CASE
            WHEN s.local_from IS NULL THEN TRUE
            WHEN s.local_from <= s.local_to THEN k.minute >= s.local_from AND k.minute < s.local_to
            ELSE k.minute >= s.local_from OR k.minute < s.local_to
        END AS in_its_hours
    FROM probe AS p
    INNER JOIN speaking AS s
        ON p.customer_id = s.customer_id AND p.slot = s.slot AND p.channel = s.channel
    INNER JOIN clock AS k
        ON p.customer_id = k.customer_id AND p.slot = k.slot AND p.channel = k.channel AND p.at = k.at
    WHERE
        (s.starts_ledger IS NULL OR s.starts_ledger <= p.at)
        AND (s.ends_ledger IS NULL OR s.ends_ledger > p.at)
),

holding AS (
    SELECT
        * EXCLUDE (in_its_hours),
        CASE WHEN BOOL_OR(allowed) THEN BOOL_AND(in_its_hours) ELSE BOOL_OR(in_its_hours) END AS holds
    FROM heard
    GROUP BY ALL
),

latest AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id, slot, channel, at, matter
            ORDER BY starts_ledger DESC NULLS LAST, CASE WHEN allowed THEN 1 ELSE 0 END
        ) AS recency
    FROM holding
    WHERE holds AND matter IS NOT NULL
),

refused AS (
    SELECT
        customer_id,
        slot,
        channel,
        at,
        MIN(COALESCE(stop_rule, CASE WHEN by_preference THEN $preferences_rule ELSE 'consent.refused' END)) AS rule
    FROM latest
    WHERE recency = 1 AND NOT allowed
    GROUP BY customer_id, slot, channel, at
),

consenting AS (
    SELECT DISTINCT
        h.customer_id,
        h.slot,
        h.channel,
        h.at,
        c.pack
    FROM holding AS h
    INNER JOIN consent_since AS c ON h.place_no = c.place_no AND h.reason = c.reason
    WHERE h.holds AND h.allowed AND h.names_channel AND (c.given_since IS NULL OR h.starts_ledger >= c.given_since)
),

agreed_to_hours AS (
    SELECT DISTINCT
        customer_id,
        slot,
        channel,
        at
    FROM holding
    WHERE holds AND allowed AND names_channel AND local_from IS NOT NULL
),

answered AS (
    SELECT
        p.customer_id,
        p.slot,
        p.channel,
        p.at,
        p.in_hours,
        r.rule,
        c.pack,
        r.rule IS NULL AND (p.in_hours OR (a.at IS NOT NULL AND $hours_by_consent)) AS free
    FROM probe AS p
    LEFT JOIN refused AS r
        ON p.customer_id = r.customer_id AND p.slot = r.slot AND p.channel = r.channel AND p.at = r.at
    LEFT JOIN consenting AS c
        ON p.customer_id = c.customer_id AND p.slot = c.slot AND p.channel = c.channel AND p.at = c.at
    LEFT JOIN agreed_to_hours AS a
        ON p.customer_id = a.customer_id AND p.slot = a.slot AND p.channel = a.channel AND p.at = a.at
)

SELECT
    customer_id,
    slot,
    channel,
    BOOL_OR(free) AS free,
    BOOL_OR(free AND NOT in_hours) AS extends,
    MIN(rule) FILTER (WHERE in_hours) AS refused_rule,
    ',' || COALESCE(STRING_AGG(DISTINCT pack, ',' ORDER BY pack) FILTER (WHERE free), '') || ',' AS agreed
FROM answered
GROUP BY customer_id, slot, channel
