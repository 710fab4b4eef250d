-- Who was in the groups by which the directory's last round chose people: the next one reads by their ids
-- those who entered or left. As the engine encodes them; null where people are not chosen by groups.
ALTER TABLE directories ADD COLUMN group_members bytea;
