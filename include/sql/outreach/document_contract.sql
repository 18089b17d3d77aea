-- The contracts of cases that are handed over with documents: agreed terms, vehicle, guarantor, and what is overdue.
SELECT
    k.contract_id,
    k.customer_id,
    k.product,
    k.originated_on,
    k.principal,
    k.annual_rate,
    k.term_months,
    k.guarantor_id,
    k.vehicle_type,
    k.vehicle_new,
    k.vehicle_model,
    k.vehicle_model_year,
    k.vehicle_value,
    k.gps_status,
    k.gps_seen_on,
    COALESCE(t.currency, k.currency) AS currency,
    t.days_past_due,
    t.overdue_amount
FROM contracts AS k
INNER JOIN wanted AS w ON k.contract_id = w.contract_id
LEFT JOIN treatment AS t ON k.contract_id = t.contract_id
ORDER BY k.contract_id
