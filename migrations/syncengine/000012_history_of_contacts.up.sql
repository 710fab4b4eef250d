-- A contact shows the links that it had and those that it got.
CREATE INDEX entra_contact_link_history_old ON entra_contact_link_history (old_contact_id, at);
CREATE INDEX entra_contact_link_history_new ON entra_contact_link_history (new_contact_id, at) WHERE new_contact_id IS NOT NULL;
