-- One row per case and slot of its cadence: the contact that is planned, or why there is none.
-- planned: goes to the outbox. blocked: a rule forbids it. cut: it would be over a cap or the budget, the lowest
-- priority first. What the policy remarks besides is in policy_flags.
WITH live_promise AS (
    SELECT contract_id
    FROM promises
    WHERE made_on <= $as_of AND due_on >= $promises_due_from
    UNION
    SELECT contract_id
    FROM ops_promise
    WHERE due_on >= $promises_due_from
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

contacted AS (
    SELECT
        customer_id,
        COUNT(CASE WHEN NOT by_customer THEN 1 END) AS contacts_today,
        BOOL_OR(by_customer) AS got_in_touch
    FROM contact_history
    WHERE today
    GROUP BY customer_id
),

noticed AS (
    SELECT
        customer_id,
        BOOL_OR(kind = 'payment') AS paid,
        BOOL_OR(kind = 'reply') AS answered
    FROM ops_notice
    GROUP BY customer_id
),

-- what stops every contact with the customer today
stopped AS (
    SELECT
        w.customer_id,
        COALESCE(c.contacts_today, 0) AS contacts_today,
        COALESCE(c.got_in_touch, FALSE) OR COALESCE(n.answered, FALSE) AS answered,
        CASE
            WHEN v.rule IS NOT NULL THEN v.rule
            WHEN $promise_stops = 'any_contract' AND p.contracts_promised > 0 THEN 'promise.live'
            WHEN $promise_stops = 'all_contracts' AND p.contracts_promised = p.contracts THEN 'promise.live'
            WHEN $payment_stops AND n.paid THEN 'payment.received'
        END AS stop_rule
    FROM contact_person AS w
    LEFT JOIN promised AS p ON w.customer_id = p.customer_id
    LEFT JOIN contacted AS c ON w.customer_id = c.customer_id
    LEFT JOIN noticed AS n ON w.customer_id = n.customer_id
    LEFT JOIN repossession_verdict AS v ON w.customer_id = v.customer_id
),

option AS (
    SELECT
        w.customer_id,
        w.place_no,
        s.slot,
        s.slot_no,
        s.channel,
        s.channel_no,
        s.template,
        ch.kind,
        ch.daily_cap,
        ch.cost,
        a.agreed,
        CASE WHEN a.extends THEN i.slot_opens_at ELSE i.opens_at END AS opens_at,
        CASE WHEN a.extends THEN i.slot_closes_at ELSE i.closes_at END AS closes_at,
        STRPOS(',' || REPLACE(w.channels, ' ', '') || ',', ',' || ch.named || ',') AS preference,
        CASE
            WHEN NOT a.free THEN COALESCE(a.refused_rule, i.hours_rule)
            WHEN ch.address = 'phone' AND w.phone_obstacle IS NOT NULL THEN w.phone_obstacle
            WHEN ch.address = 'email' AND w.email_obstacle IS NOT NULL THEN w.email_obstacle
            WHEN f.channel IS NOT NULL THEN 'channel.failed'
            WHEN a.free IS NULL AND i.opens_at IS NULL THEN i.hours_rule
        END AS obstacle
    FROM contact_person AS w
    INNER JOIN cadence_slot AS s ON w.cadence_no = s.cadence_no
    INNER JOIN contact_channel AS ch ON s.channel = ch.channel
    INNER JOIN contact_window AS i
        ON
            w.place_no = i.place_no
            AND s.cadence_no = i.cadence_no
            AND s.slot = i.slot
            AND s.channel = i.channel
    LEFT JOIN contact_answer AS a ON w.customer_id = a.customer_id AND s.slot = a.slot AND s.channel = a.channel
    LEFT JOIN channel_failure AS f ON w.customer_id = f.customer_id AND ch.named = f.channel
    WHERE
        STRPOS(',' || REPLACE(w.channels, ' ', '') || ',', ',' || ch.named || ',') > 0
        AND EXISTS (
            SELECT 1
            FROM cadence_day AS y
            WHERE
                s.cadence_no = y.cadence_no
                AND s.slot = y.slot
                AND s.channel = y.channel
                AND w.days_past_due BETWEEN y.first_day AND y.last_day
                AND (w.days_past_due - y.first_day) % y.every = 0
        )
),

chosen AS (
    SELECT *
    FROM option
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY customer_id, slot
            ORDER BY CASE WHEN obstacle IS NULL THEN 0 ELSE 1 END, preference, channel_no
        ) = 1
),

contact AS (
    SELECT
        o.customer_id,
        o.slot,
        o.slot_no,
        o.channel,
        o.template,
        o.kind,
        o.daily_cap,
        o.cost,
        o.agreed,
        t.contacts_today,
        b.hour AS best_hour,
        -- narrowed to the best hour where it lies in the window
        CASE
            WHEN o.opens_at < h.ends_at AND h.begins_at < o.closes_at THEN GREATEST(o.opens_at, h.begins_at)
            ELSE o.opens_at
        END AS opens_at,
        CASE
            WHEN o.opens_at < h.ends_at AND h.begins_at < o.closes_at THEN LEAST(o.closes_at, h.ends_at)
            ELSE o.closes_at
        END AS closes_at,
        COALESCE(
            t.stop_rule,
            CASE WHEN t.answered AND r.kind IS NOT NULL AND o.channel <> 'phone' THEN 'reply.received' END,
            o.obstacle
        ) AS stop_rule
    FROM chosen AS o
    INNER JOIN stopped AS t ON o.customer_id = t.customer_id
    LEFT JOIN reply_stop AS r ON o.kind = r.kind
    LEFT JOIN best_kind AS k ON o.kind = k.kind
    LEFT JOIN best_hour AS b ON o.customer_id = b.customer_id AND k.kind IS NOT NULL
    LEFT JOIN place_hour AS h ON o.place_no = h.place_no AND b.hour = h.hour
),

-- what the policy's rules say, each by what is known before today's plan
remark AS (
    SELECT
        c.customer_id,
        c.slot,
        l.rule_no,
        l.rule_id,
        CASE WHEN n.known >= l.most THEN l.verdict ELSE 'wait' END AS verdict
    FROM contact AS c
    INNER JOIN limit_kind AS k ON c.kind = k.kind
    INNER JOIN policy_limit AS l ON k.rule_no = l.rule_no
    INNER JOIN contact_count AS n ON c.customer_id = n.customer_id AND l.rule_no = n.rule_no
    WHERE
        (n.known >= l.most OR (l.verdict = 'block' AND n.known + n.open_ones >= l.most))
        AND NOT (l.unless_agreed AND COALESCE(STRPOS(c.agreed, ',' || l.pack || ',') > 0, FALSE))
    UNION ALL
    SELECT
        c.customer_id,
        c.slot,
        -1 AS rule_no,
        d.rule_id,
        d.verdict
    FROM contact AS c
    INNER JOIN rest_day AS d ON c.kind = d.kind AND d.day = $as_of
),

blocked AS (
    SELECT
        customer_id,
        slot,
        ARG_MIN(rule_id, rule_no) AS rule
    FROM remark
    WHERE verdict = 'block'
    GROUP BY customer_id, slot
),

-- a limit that counts contacts however they end is used up by the plan itself as well
planned_before AS (
    SELECT
        c.customer_id,
        c.slot,
        l.rule_no,
        l.rule_id,
        l.verdict
    FROM contact AS c
    INNER JOIN limit_kind AS k ON c.kind = k.kind
    INNER JOIN policy_limit AS l ON k.rule_no = l.rule_no AND l.however
    LEFT JOIN contact_count AS n ON c.customer_id = n.customer_id AND l.rule_no = n.rule_no
    LEFT JOIN blocked AS b ON c.customer_id = b.customer_id AND c.slot = b.slot
    WHERE
        c.stop_rule IS NULL
        AND b.rule IS NULL
        AND NOT (l.unless_agreed AND COALESCE(STRPOS(c.agreed, ',' || l.pack || ',') > 0, FALSE))
    QUALIFY
        COALESCE(n.known, 0)
        + ROW_NUMBER() OVER (PARTITION BY c.customer_id, l.rule_no ORDER BY c.slot_no)
        > GREATEST(l.most, COALESCE(n.known, 0))
),

said AS (
    SELECT
        customer_id,
        slot,
        ARG_MIN(rule_id, rule_no) FILTER (WHERE verdict = 'block') AS block_rule,
        ARG_MIN(rule_id, CASE WHEN verdict = 'warn' THEN rule_no ELSE 1000 + rule_no END) FILTER (
            WHERE verdict IN ('warn', 'rebut')
        ) AS flag_rule,
        STRING_AGG(verdict || ':' || rule_id, ',' ORDER BY rule_no, verdict) AS flags
    FROM (
        SELECT *
        FROM remark
        UNION
        SELECT
            customer_id,
            slot,
            rule_no,
            rule_id,
            verdict
        FROM planned_before
    ) AS a
    GROUP BY customer_id, slot
),

judged AS (
    SELECT
        c.*,
        w.lead_contract_id,
        w.contract_ids,
        w.overdue_amount,
        w.queue,
        w.placement,
        w.priority,
        w.language,
        w.rule_set,
        w.rule_set_version,
        w.rule_set_hash,
        COALESCE(c.stop_rule, s.block_rule) AS block_rule,
        s.flag_rule,
        s.flags
    FROM contact AS c
    INNER JOIN contact_person AS w ON c.customer_id = w.customer_id
    LEFT JOIN said AS s ON c.customer_id = s.customer_id AND c.slot = s.slot
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
        ) AS place,
        SUM(cost) OVER (
            PARTITION BY CASE WHEN block_rule IS NULL AND channel_cut IS NULL THEN 1 ELSE 0 END
            ORDER BY priority DESC, overdue_amount DESC, customer_id ASC, slot_no ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS cost_so_far
    FROM cut
),

decided AS (
    SELECT
        *,
        CASE
            WHEN channel_cut IS NOT NULL THEN channel_cut
            WHEN place > $contacts_overall THEN 'cap.overall'
            WHEN cost_so_far > $budget THEN 'cap.budget'
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
    d.best_hour,
    CASE
        WHEN d.block_rule IS NOT NULL THEN 'blocked'
        WHEN d.cut_rule IS NOT NULL THEN 'cut'
        ELSE 'planned'
    END AS verdict,
    COALESCE(d.block_rule, d.cut_rule, d.flag_rule) AS verdict_rule,
    e.reason AS verdict_reason,
    $policy AS policy,
    -- the rule of the policy that spoke, as the task carries it
    COALESCE(d.block_rule, d.flag_rule) AS policy_rule,
    s.source AS policy_source,
    d.flags AS policy_flags,
    d.cost,
    d.rule_set,
    d.rule_set_version,
    d.rule_set_hash
FROM decided AS d
LEFT JOIN approval_placement AS a ON d.placement = a.placement
LEFT JOIN rule_said AS e ON COALESCE(d.block_rule, d.cut_rule, d.flag_rule) = e.rule
LEFT JOIN rule_said AS s ON COALESCE(d.block_rule, d.flag_rule) = s.rule
