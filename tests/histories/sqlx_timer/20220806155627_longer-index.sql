create index if not exists spans_task_began on spans (
	task,
	began
);
drop index if exists spans_task; -- the longer one serves for it; it's enough
