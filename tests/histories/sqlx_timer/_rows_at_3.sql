insert into spans values ('it''s', 400, 1, 'draw `x`', 'desk', null);
update spans set hidden_at = 450 where began = 200;
