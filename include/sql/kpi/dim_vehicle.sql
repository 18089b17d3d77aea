-- Kinds of vehicle of the contracts that the day's facts name. Grain: kind of vehicle.
SELECT DISTINCT
    CONCAT(
        COALESCE(contracts.vehicle_type, ''),
        '|',
        COALESCE(contracts.vehicle_model, ''),
        '|',
        COALESCE(CAST(contracts.vehicle_model_year AS VARCHAR), ''),
        '|',
        CASE WHEN contracts.vehicle_new THEN 'new' WHEN NOT contracts.vehicle_new THEN 'used' ELSE '' END
    ) AS vehicle_key,
    contracts.vehicle_type,
    contracts.vehicle_model,
    contracts.vehicle_model_year,
    contracts.vehicle_new
FROM contracts
INNER JOIN treatment ON contracts.contract_id = treatment.contract_id
ORDER BY vehicle_key
