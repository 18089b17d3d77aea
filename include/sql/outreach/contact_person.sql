-- Who may be contacted today: one row per case that is worked, with the cadence that fits it, where its customer may
-- be, and how he can be reached. Of cadences that fit the first is used.
WITH chosen AS (
    SELECT
        c.customer_id,
        MIN(k.cadence_no) AS cadence_no
    FROM cases AS c
    INNER JOIN cadence AS k
        ON
            c.placement = k.placement
            AND (k.treatment IS NULL OR c.treatment = k.treatment)
            AND c.intensity BETWEEN k.intensity_from AND k.intensity_to
    WHERE c.queue <> 'none' AND NOT c.held
    GROUP BY c.customer_id
),

reached AS (
    SELECT
        customer_id,
        COALESCE(TRIM(time_zone), '') AS time_zone,
        region,
        language,
        COALESCE(TRIM(phone), '') AS phone,
        COALESCE(TRIM(email), '') AS email,
        REGEXP_REPLACE(COALESCE(phone, ''), '[^0-9]', '', 'g') AS digits
    FROM customers
)

SELECT
    c.customer_id,
    k.cadence_no,
    c.lead_contract_id,
    c.contract_ids,
    c.overdue_amount,
    c.days_past_due,
    c.treatment,
    c.placement,
    c.channels,
    c.queue,
    c.priority,
    COALESCE(l.language, $default_language) AS language,
    p.place_no,
    CASE
        WHEN COALESCE(u.phone, '') = '' THEN 'address.missing'
        -- phone numbers by their own rules are judged when the message is made; this is no number at all
        WHEN LENGTH(u.digits) < 5 THEN 'address.invalid'
    END AS phone_obstacle,
    CASE
        WHEN COALESCE(u.email, '') = '' THEN 'address.missing'
        WHEN NOT REGEXP_MATCHES(u.email, '^[^@\s]+@[^@\s]+\.[^@\s]+$') THEN 'address.invalid'
    END AS email_obstacle,
    -- two numbers that end in the same ten digits are one
    CASE WHEN LENGTH(u.digits) >= 5 THEN RIGHT(u.digits, 10) END AS number_key,
    c.rule_set,
    c.rule_set_version,
    c.rule_set_hash
FROM cases AS c
INNER JOIN chosen AS k ON c.customer_id = k.customer_id
LEFT JOIN reached AS u ON c.customer_id = u.customer_id
LEFT JOIN template_language AS l ON LOWER(SUBSTR(COALESCE(c.language, u.language), 1, 2)) = l.language
INNER JOIN debtor_place AS p
    ON
        COALESCE(u.time_zone, '') = p.time_zone
        AND LOWER(COALESCE(TRIM(COALESCE(u.region, c.region)), '')) = p.region
WHERE c.queue <> 'none' AND NOT c.held
