DROP VIEW due_webhooks;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
