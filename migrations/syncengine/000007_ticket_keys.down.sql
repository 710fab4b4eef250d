DROP TABLE run_ticket_keys;
