-- 32 hex digits become upper case; anything else stays as it is, even 'x''y'.
update chain set
	id = case when length(id) = 32 and not id glob '*[^0-9a-f]*' then upper(id) else id end,
	before = case when length(before) = 32 and not before glob '*[^0-9a-f]*' then upper(before) else before end
where typeof(id) = 'text'; -- all of them
