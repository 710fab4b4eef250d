DROP VIEW scheduled_tenants;
DROP TABLE sync_schedules;
