DROP FUNCTION erase_person(text[], text[], text[]), without_elements(jsonb, text[]);
