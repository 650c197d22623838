create table chain (
	id text not null primary key,
	before text unique references chain (id) deferrable initially deferred,
	device text not null,
	n integer not null check (n >= 0),
	data blob not null
) strict;
create unique index chain_of_device on chain (device, n);

insert into chain (id, before, device, n, data)
select id, lag(id) over days, 'here', row_number() over days - 1, cast(json_object('task', task, 'place', place) as blob)
from spans window days as (order by began, id)
returning id, json_extract(data, '$.task');
