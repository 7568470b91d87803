-- name: interconnectors
-- description: What the interconnector codes of FUELINST and FUELHH stand for. A code that is not
--   here still has its flows, without a name.
-- column fuelType: Code, as in FUELINST.
-- column interconnector: Name of the cable.
-- column country: Where its other end is.
SELECT 'INTELEC' AS fuelType, 'ElecLink' AS interconnector, 'France' AS country
UNION ALL SELECT 'INTEW', 'East-West', 'Ireland'
UNION ALL SELECT 'INTFR', 'IFA', 'France'
UNION ALL SELECT 'INTGRNL', 'Greenlink', 'Ireland'
UNION ALL SELECT 'INTIFA2', 'IFA2', 'France'
UNION ALL SELECT 'INTIRL', 'Moyle', 'Northern Ireland'
UNION ALL SELECT 'INTNED', 'BritNed', 'Netherlands'
UNION ALL SELECT 'INTNEM', 'Nemo Link', 'Belgium'
UNION ALL SELECT 'INTNSL', 'North Sea Link', 'Norway'
UNION ALL SELECT 'INTVKL', 'Viking Link', 'Denmark'
