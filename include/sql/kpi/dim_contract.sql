-- Contracts that the day's facts name. Grain: contract.
SELECT
    contracts.contract_id,
    contracts.customer_id,
    contracts.product,
    COALESCE(contracts.currency, 'XXX') AS currency,
    contracts.region,
    contracts.dealer_id,
    CONCAT(
        COALESCE(contracts.vehicle_type, ''),
        '|',
        COALESCE(contracts.vehicle_model, ''),
        '|',
        COALESCE(CAST(contracts.vehicle_model_year AS VARCHAR), ''),
        '|',
        CASE WHEN contracts.vehicle_new THEN 'new' WHEN NOT contracts.vehicle_new THEN 'used' ELSE '' END
    ) AS vehicle_key,
    contracts.originated_on,
    CAST(DATE_TRUNC('month', contracts.originated_on) AS DATE) AS origination_month,
    contracts.term_months,
    contracts.principal,
    contracts.annual_rate,
    contracts.vehicle_value,
    contracts.closed_on,
    contracts.written_off_on
FROM contracts
INNER JOIN treatment ON contracts.contract_id = treatment.contract_id
ORDER BY contracts.contract_id
