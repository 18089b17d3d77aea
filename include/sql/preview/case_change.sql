-- The cases of both sides beside each other, one row per customer: before (present rules) and after (changed rules).
-- A customer whom only one side has a case for has NULLs on the other. `changes` names what differs; '' is the same.
WITH both_sides AS (
    SELECT
        COALESCE(b.customer_id, a.customer_id) AS customer_id,
        COALESCE(b.currency, a.currency) AS currency,
        COALESCE(b.overdue_amount, a.overdue_amount) AS overdue_amount,
        COALESCE(b.days_past_due, a.days_past_due) AS days_past_due,
        b.bucket AS before_bucket,
        a.bucket AS after_bucket,
        b.class AS before_class,
        a.class AS after_class,
        b.segment AS before_segment,
        a.segment AS after_segment,
        b.treatment AS before_treatment,
        a.treatment AS after_treatment,
        b.intensity AS before_intensity,
        a.intensity AS after_intensity,
        b.placement AS before_placement,
        a.placement AS after_placement,
        b.queue AS before_queue,
        a.queue AS after_queue,
        b.channels AS before_channels,
        a.channels AS after_channels,
        b.arms AS before_arms,
        a.arms AS after_arms,
        b.priority AS before_priority,
        a.priority AS after_priority,
        b.collector_id AS before_collector,
        a.collector_id AS after_collector,
        b.planned_contacts AS before_planned_contacts,
        a.planned_contacts AS after_planned_contacts,
        b.blocked_contacts AS before_blocked_contacts,
        a.blocked_contacts AS after_blocked_contacts,
        b.segment_rule AS before_segment_rule,
        a.segment_rule AS after_segment_rule,
        b.treatment_rule AS before_treatment_rule,
        a.treatment_rule AS after_treatment_rule
    FROM before_side AS b
    FULL OUTER JOIN after_side AS a ON b.customer_id = a.customer_id
)

SELECT
    *,
    CONCAT_WS(
        ',',
        CASE WHEN before_bucket IS DISTINCT FROM after_bucket THEN 'bucket' END,
        CASE WHEN before_class IS DISTINCT FROM after_class THEN 'class' END,
        CASE WHEN before_segment IS DISTINCT FROM after_segment THEN 'segment' END,
        CASE WHEN before_treatment IS DISTINCT FROM after_treatment THEN 'treatment' END,
        CASE WHEN before_intensity IS DISTINCT FROM after_intensity THEN 'intensity' END,
        CASE WHEN before_placement IS DISTINCT FROM after_placement THEN 'placement' END,
        CASE WHEN before_queue IS DISTINCT FROM after_queue THEN 'queue' END,
        CASE WHEN before_channels IS DISTINCT FROM after_channels THEN 'channels' END,
        CASE WHEN before_arms IS DISTINCT FROM after_arms THEN 'arms' END,
        CASE WHEN before_priority IS DISTINCT FROM after_priority THEN 'priority' END,
        CASE
            WHEN
                before_planned_contacts IS DISTINCT FROM after_planned_contacts
                OR before_blocked_contacts IS DISTINCT FROM after_blocked_contacts
                THEN 'contacts'
        END
    ) AS changes
FROM both_sides
ORDER BY customer_id
