-- What somebody worked at, and for how long
create table if not exists spans (
	id text primary key,
	began integer not null,
	seconds integer not null,
	task text not null,
	place text not null,
	unique (began, task)
);
create index if not exists spans_began on spans (began);
create index if not exists spans_task on spans (task);
