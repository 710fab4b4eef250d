ALTER TABLE directories DROP COLUMN group_members;
