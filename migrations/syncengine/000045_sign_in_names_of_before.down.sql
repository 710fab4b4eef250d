DROP INDEX contacts_upn;
