DROP TRIGGER link_edit; DROP TRIGGER link_out; DROP TRIGGER link_in; DROP TABLE link_text;
