-- name: completeness
-- parameters: first_day DATE, last_day DATE
-- description: Whether the datasets that have rows for every settlement period are free of gaps and
--   of duplicates on each of the settlement days from first_day to last_day: one row for each day
--   and dataset. Gaps are those of the unified views, live and historic; only rows that have their
--   value count, which for MID is a price with a volume. A period is due when it is over, so the
--   last ones of today are missing until they are published. Members are the fuel types of FUELHH
--   and FUELINST and the BM units of BOD and PN. A period is thin if one of its times has fewer
--   fuel types than the fullest time of its day, or if it has less than 80 % of the BM units of
--   the day's fullest period: their number varies (publications of a day differ by some 15 % in
--   size). What is missing from the whole day alike does not show. Surplus rows are those of the
--   live table, where a message that is delivered twice can leave two; the unified and latest views
--   show each once. BOD and PN have some 500,000 rows a day, so ask for few days.
-- column settlementDate: Settlement day (UK local date).
-- column dataset: Subject of the dataset.
-- column periods_expected: Number of settlement periods of the day: 48, 46 or 50.
-- column periods_due: Number of these that are over.
-- column periods_present: Number of those due that have a row.
-- column missing_periods: The others, such as `3, 4, 17`; NULL if there are none.
-- column times_due: Number of measurements due: 6 a period for FUELINST, 120 for FREQ, else 1.
-- column times_present: Number of different times among those due that have a row; no more of a
--   period than are due.
-- column fewest_members: Fewest members that a time has which is due and has a row; NULL without
--   such, and 1 for datasets without members.
-- column most_members: Most members that a time of the day has; likewise.
-- column thin_periods: The periods due that are thin, such as `2, 3`; NULL if there are none.
-- column newest_time: Newest reference time of the day's rows, UTC (see the dataset's table).
-- column surplus_rows: Number of rows of the live table whose natural key an earlier row has.
-- column is_complete: Whether nothing that is due is missing and no period thin; NULL while nothing
--   is due.
-- column is_duplicate_free: Whether there are no surplus rows.
WITH datasets AS (
  SELECT 'BOD' AS dataset, 1 AS times_a_period, 80 AS least_percent
  UNION ALL SELECT 'DISEBSP', 1, 100
  UNION ALL SELECT 'FREQ', 120, 100
  UNION ALL SELECT 'FUELHH', 1, 100
  UNION ALL SELECT 'FUELINST', 6, 100
  UNION ALL SELECT 'INDO', 1, 100
  UNION ALL SELECT 'ITSDO', 1, 100
  UNION ALL SELECT 'MID', 1, 100
  UNION ALL SELECT 'PN', 1, 80
), facts AS (
  SELECT
    'BOD' AS dataset, settlementDate, settlementPeriod,
    iris.settlement_start(settlementDate, settlementPeriod) AS startTime,
    timeFrom AS referenceTime,
    COALESCE(nationalGridBmUnit, bmUnit) AS member
  FROM iris.bmrs_bod_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND levelFrom IS NOT NULL
    AND (bid IS NOT NULL OR offer IS NOT NULL)
  UNION ALL
  SELECT
    'DISEBSP', settlementDate, settlementPeriod,
    iris.settlement_start(settlementDate, settlementPeriod), createdDateTime, ''
  FROM iris.bmrs_disebsp_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND systemBuyPrice IS NOT NULL
  UNION ALL
  SELECT 'FREQ', settlementDate, settlementPeriod, measurementTime, measurementTime, ''
  FROM iris.frequency_readings(first_day, last_day)
  UNION ALL
  SELECT 'FUELHH', settlementDate, settlementPeriod, startTime, publishTime, fuelType
  FROM iris.bmrs_fuelhh_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND generation IS NOT NULL
  UNION ALL
  SELECT 'FUELINST', settlementDate, settlementPeriod, startTime, publishTime, fuelType
  FROM iris.bmrs_fuelinst_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND generation IS NOT NULL
  UNION ALL
  SELECT 'INDO', settlementDate, settlementPeriod, startTime, publishTime, ''
  FROM iris.bmrs_indo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND demand IS NOT NULL
  UNION ALL
  SELECT 'ITSDO', settlementDate, settlementPeriod, startTime, publishTime, ''
  FROM iris.bmrs_itsdo_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND demand IS NOT NULL
  UNION ALL
  SELECT 'MID', settlementDate, settlementPeriod, startTime, startTime, ''
  FROM iris.bmrs_mid_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND price IS NOT NULL
    AND volume > 0
  UNION ALL
  SELECT
    'PN', settlementDate, settlementPeriod,
    iris.settlement_start(settlementDate, settlementPeriod), timeFrom,
    COALESCE(nationalGridBmUnit, bmUnit)
  FROM iris.bmrs_pn_unified
  WHERE settlementDate BETWEEN first_day AND last_day
    AND levelFrom IS NOT NULL
), counted AS (
  SELECT
    dataset,
    settlementDate,
    settlementPeriod,
    COUNT(DISTINCT member) AS members,
    MAX(COUNT(DISTINCT member)) OVER (PARTITION BY dataset, settlementDate) AS most_members,
    MAX(referenceTime) AS newest_time
  FROM facts
  GROUP BY dataset, settlementDate, settlementPeriod, startTime
), present AS (
  SELECT
    dataset,
    settlementDate,
    settlementPeriod,
    COUNT(*) AS times,
    MIN(members) AS fewest_members,
    MAX(most_members) AS most_members,
    MAX(newest_time) AS newest_time
  FROM counted
  GROUP BY dataset, settlementDate, settlementPeriod
), periods AS (
  SELECT
    calendar.settlementDate,
    datasets.dataset,
    calendar.settlementPeriod,
    datasets.times_a_period,
    DATETIME_ADD(calendar.startTime, INTERVAL 30 MINUTE)
      <= DATETIME(CURRENT_TIMESTAMP(), 'UTC') AS is_due,
    LEAST(COALESCE(present.times, 0), datasets.times_a_period) AS times,
    present.fewest_members,
    present.most_members,
    present.fewest_members * 100 < present.most_members * datasets.least_percent AS is_thin,
    present.newest_time
  FROM iris.settlement_calendar(first_day, last_day) AS calendar
  CROSS JOIN datasets
  LEFT JOIN present
    ON present.dataset = datasets.dataset
    AND present.settlementDate = calendar.settlementDate
    AND present.settlementPeriod = calendar.settlementPeriod
), days AS (
  SELECT
    settlementDate,
    dataset,
    COUNT(*) AS periods_expected,
    COUNT(IF(is_due, 1, NULL)) AS periods_due,
    COUNT(IF(is_due AND times > 0, 1, NULL)) AS periods_present,
    STRING_AGG(
      IF(is_due AND times = 0, CAST(settlementPeriod AS STRING), NULL), ', '
      ORDER BY settlementPeriod
    ) AS missing_periods,
    SUM(IF(is_due, times_a_period, 0)) AS times_due,
    SUM(IF(is_due, times, 0)) AS times_present,
    MIN(IF(is_due, fewest_members, NULL)) AS fewest_members,
    MAX(most_members) AS most_members,
    STRING_AGG(
      IF(is_due AND is_thin, CAST(settlementPeriod AS STRING), NULL), ', '
      ORDER BY settlementPeriod
    ) AS thin_periods,
    MAX(newest_time) AS newest_time
  FROM periods
  GROUP BY settlementDate, dataset
), copies AS (
  SELECT 'BOD' AS dataset, settlementDate, COUNT(*) - 1 AS surplus
  FROM iris.bmrs_bod_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, settlementPeriod, nationalGridBmUnit, pairId, timeFrom
  UNION ALL
  SELECT 'DISEBSP', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_disebsp_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, settlementPeriod, createdDateTime
  UNION ALL
  SELECT 'FREQ', iris.settlement_date(measurementTime), COUNT(*) - 1
  FROM iris.bmrs_freq_iris
  WHERE measurementTime >= DATETIME_SUB(CAST(first_day AS DATETIME), INTERVAL 1 HOUR)
    AND measurementTime < CAST(DATE_ADD(last_day, INTERVAL 1 DAY) AS DATETIME)
  GROUP BY measurementTime
  UNION ALL
  SELECT 'FUELHH', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_fuelhh_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, fuelType, publishTime
  UNION ALL
  SELECT 'FUELINST', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_fuelinst_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, fuelType, publishTime
  UNION ALL
  SELECT 'INDO', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_indo_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, publishTime
  UNION ALL
  SELECT 'ITSDO', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_itsdo_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, publishTime
  UNION ALL
  SELECT 'MID', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_mid_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, startTime, dataProvider
  UNION ALL
  SELECT 'PN', settlementDate, COUNT(*) - 1
  FROM iris.bmrs_pn_iris
  WHERE settlementDate BETWEEN first_day AND last_day
  GROUP BY settlementDate, settlementPeriod, nationalGridBmUnit, timeFrom
), surpluses AS (
  SELECT dataset, settlementDate, SUM(surplus) AS surplus
  FROM copies
  GROUP BY dataset, settlementDate
)
SELECT
  days.settlementDate,
  days.dataset,
  days.periods_expected,
  days.periods_due,
  days.periods_present,
  days.missing_periods,
  days.times_due,
  days.times_present,
  days.fewest_members,
  days.most_members,
  days.thin_periods,
  days.newest_time,
  COALESCE(surpluses.surplus, 0) AS surplus_rows,
  IF(
    days.periods_due = 0,
    NULL,
    days.times_present = days.times_due AND days.thin_periods IS NULL
  ) AS is_complete,
  COALESCE(surpluses.surplus, 0) = 0 AS is_duplicate_free
FROM days
LEFT JOIN surpluses
  ON surpluses.dataset = days.dataset
  AND surpluses.settlementDate = days.settlementDate
