-- One row per case and slot of its cadence: the contact that is planned, or why there is none.
-- planned: goes to the outbox. blocked: a rule forbids it. cut: it would be over a cap, the lowest priority first.
WITH worked AS (
    SELECT
        c.customer_id,
        c.lead_contract_id,
        c.contract_ids,
        c.overdue_amount,
        c.treatment,
        c.intensity,
        c.placement,
        c.channels,
        c.queue,
        c.priority,
        c.rule_set,
        c.rule_set_version,
        c.rule_set_hash,
        COALESCE(l.language, $default_language) AS language,
        COALESCE(NULLIF(TRIM(u.time_zone), ''), $time_zone) AS time_zone,
        COALESCE(TRIM(u.phone), '') <> '' AS has_phone,
        COALESCE(TRIM(u.email), '') <> '' AS has_email,
        COALESCE(n.contacts_today, 0) AS contacts_today,
        COALESCE(n.connected_today, 0) AS connected_today,
        COALESCE(n.unanswered_today, 0) AS unanswered_today
    FROM cases AS c
    LEFT JOIN customers AS u ON c.customer_id = u.customer_id
    LEFT JOIN template_language AS l ON LOWER(SUBSTR(COALESCE(c.language, u.language), 1, 2)) = l.language
    LEFT JOIN contact_count AS n ON c.customer_id = n.customer_id
    WHERE c.queue <> 'none' AND NOT c.held
),

live_promise AS (
    SELECT DISTINCT contract_id
    FROM promises
    WHERE made_on <= $as_of AND due_on >= $promises_due_from
),

promised AS (
    SELECT
        t.customer_id,
        COUNT(*) AS contracts,
        COUNT(p.contract_id) AS contracts_promised
    FROM treatment AS t
    LEFT JOIN live_promise AS p ON t.contract_id = p.contract_id
    GROUP BY t.customer_id
),

chosen AS (
    SELECT
        w.customer_id,
        MIN(k.cadence_no) AS cadence_no
    FROM worked AS w
    INNER JOIN cadence AS k
        ON
            w.placement = k.placement
            AND (k.treatment IS NULL OR w.treatment = k.treatment)
            AND w.intensity BETWEEN k.intensity_from AND k.intensity_to
    GROUP BY w.customer_id
),

options AS (
    SELECT
        w.customer_id,
        s.slot,
        s.slot_no,
        s.channel,
        s.channel_no,
        s.template,
        i.opens_at,
        i.closes_at,
        ch.is_call,
        ch.daily_cap,
        STRPOS(',' || REPLACE(w.channels, ' ', '') || ',', ',' || s.channel || ',') AS preference,
        CASE
            WHEN ch.asks_consent AND r.customer_id IS NOT NULL THEN 'consent.refused'
            WHEN ch.address = 'phone' AND NOT w.has_phone THEN 'address.missing'
            WHEN ch.address = 'email' AND NOT w.has_email THEN 'address.missing'
            WHEN i.opens_at IS NULL THEN $hours_rule
        END AS obstacle
    FROM worked AS w
    INNER JOIN chosen AS c ON w.customer_id = c.customer_id
    INNER JOIN cadence_slot AS s ON c.cadence_no = s.cadence_no
    INNER JOIN contact_channel AS ch ON s.channel = ch.channel
    INNER JOIN contact_window AS i ON s.cadence_no = i.cadence_no AND s.slot = i.slot AND w.time_zone = i.time_zone
    LEFT JOIN (
        SELECT DISTINCT
            f.customer_id,
            h.channel
        FROM contact_refusal AS f
        INNER JOIN contact_channel AS h ON f.channel = h.channel OR f.channel = 'all'
    ) AS r ON w.customer_id = r.customer_id AND s.channel = r.channel
    WHERE STRPOS(',' || REPLACE(w.channels, ' ', '') || ',', ',' || s.channel || ',') > 0
),

ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY customer_id, slot
            ORDER BY CASE WHEN obstacle IS NULL THEN 0 ELSE 1 END, preference, channel_no
        ) AS choice
    FROM options
),

contacts AS (
    SELECT
        w.*,
        o.slot,
        o.slot_no,
        o.channel,
        o.template,
        o.opens_at,
        o.closes_at,
        o.is_call,
        o.daily_cap,
        CASE
            WHEN $promise_stops = 'any_contract' AND p.contracts_promised > 0 THEN 'promise.live'
            WHEN $promise_stops = 'all_contracts' AND p.contracts_promised = p.contracts THEN 'promise.live'
            ELSE o.obstacle
        END AS stopped
    FROM worked AS w
    INNER JOIN ranked AS o ON w.customer_id = o.customer_id
    LEFT JOIN promised AS p ON w.customer_id = p.customer_id
    WHERE o.choice = 1
),

called AS (
    SELECT
        *,
        -- a call that is planned counts as one that will connect
        SUM(CASE WHEN is_call AND stopped IS NULL THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_id ORDER BY slot_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS call_no
    FROM contacts
),

judged AS (
    SELECT
        c.*,
        CASE
            WHEN c.stopped IS NOT NULL THEN c.stopped
            WHEN c.is_call AND c.connected_today + c.call_no > b.most THEN b.limit_id
            WHEN c.is_call AND c.unanswered_today >= n.most THEN n.limit_id
        END AS block_rule,
        CASE
            WHEN c.is_call AND c.connected_today + c.call_no > v.most THEN v.limit_id
            WHEN c.is_call AND c.unanswered_today >= m.most THEN m.limit_id
        END AS warn_rule
    FROM called AS c
    LEFT JOIN contact_limit AS b ON b.counts = 'connected' AND b.verdict = 'block'
    LEFT JOIN contact_limit AS n ON n.counts = 'unanswered' AND n.verdict = 'block'
    LEFT JOIN contact_limit AS v ON v.counts = 'connected' AND v.verdict = 'warn'
    LEFT JOIN contact_limit AS m ON m.counts = 'unanswered' AND m.verdict = 'warn'
),

capped AS (
    SELECT
        *,
        CASE WHEN contacts_today + SUM(CASE WHEN block_rule IS NULL THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_id ORDER BY slot_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) > $contacts_per_customer THEN 'cap.customer' END AS customer_cut
    FROM judged
),

filled AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY channel, CASE WHEN block_rule IS NULL AND customer_cut IS NULL THEN 1 ELSE 0 END
            ORDER BY priority DESC, overdue_amount DESC, customer_id ASC, slot_no ASC
        ) AS place_in_channel
    FROM capped
),

cut AS (
    SELECT
        *,
        CASE
            WHEN customer_cut IS NOT NULL THEN customer_cut
            WHEN place_in_channel > daily_cap THEN 'cap.' || channel
        END AS channel_cut
    FROM filled
),

placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY CASE WHEN block_rule IS NULL AND channel_cut IS NULL THEN 1 ELSE 0 END
            ORDER BY priority DESC, overdue_amount DESC, customer_id ASC, slot_no ASC
        ) AS place
    FROM cut
),

decided AS (
    SELECT
        *,
        CASE
            WHEN channel_cut IS NOT NULL THEN channel_cut
            WHEN place > $contacts_overall THEN 'cap.overall'
        END AS cut_rule
    FROM placed
)

SELECT
    SHA256(d.customer_id || '|' || CAST($as_of AS VARCHAR) || '|' || d.slot) AS task_key,
    d.customer_id,
    $as_of AS business_day,
    d.slot,
    d.lead_contract_id,
    d.contract_ids,
    d.channel,
    d.template,
    d.language,
    d.queue,
    d.placement,
    CAST(d.priority AS INTEGER) AS priority,
    a.placement IS NOT NULL AS needs_approval,
    d.opens_at AS window_opens_at,
    d.closes_at AS window_closes_at,
    CASE
        WHEN d.block_rule IS NOT NULL THEN 'blocked'
        WHEN d.cut_rule IS NOT NULL THEN 'cut'
        ELSE 'planned'
    END AS verdict,
    COALESCE(d.block_rule, d.cut_rule, d.warn_rule) AS verdict_rule,
    e.reason AS verdict_reason,
    $policy AS policy,
    d.rule_set,
    d.rule_set_version,
    d.rule_set_hash
FROM decided AS d
LEFT JOIN approval_placement AS a ON d.placement = a.placement
LEFT JOIN verdict_reason AS e ON COALESCE(d.block_rule, d.cut_rule, d.warn_rule) = e.rule
