DROP TABLE failing_tenants;
