alter table spans add column hidden_at integer;
create index spans_shown on spans (began desc) where hidden_at is null;
create index spans_first_word on spans (substr(task, 1, instr(task || ' ', ' ') - 1), length(task));
