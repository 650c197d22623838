create virtual table if not exists spans_text using fts5(task, place unindexed, content = 'spans', tokenize = 'trigram');

create trigger if not exists spans_text_in after insert on spans begin
	insert into spans_text (rowid, task, place) values (new.rowid, new.task, new.place);
end;
create trigger if not exists spans_text_out after delete on spans begin
	insert into spans_text (spans_text, rowid, task, place) values ('delete', old.rowid, old.task, old.place);
end;
create trigger if not exists spans_text_edit after update of task, place on spans begin
	insert into spans_text (spans_text, rowid, task, place) values ('delete', old.rowid, old.task, old.place);
	insert into spans_text (rowid, task, place) values (new.rowid, new.task, new.place);
end;

insert into spans_text (spans_text) values ('rebuild');
