DROP VIEW access_watchers;
REVOKE SELECT (events) ON webhooks FROM entrasync_gateway_views;
DROP TABLE webhook_notices;
