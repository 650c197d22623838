alter table spans add column kind text generated always as (
	case when task like 'call %' then 'talk; mostly' else 'work' end
) virtual;
create index spans_kind on spans (kind)
