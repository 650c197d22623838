insert into spans values
	('0123456789abcdef0123456789abcdef', 100, 5, 'write -- then "don''t"; rest', 'desk'),
	('fedcba9876543210fedcba9876543210', 200, 7, 'call the bank', 'phone'),
	('odd one', 300, 9, 'read [x]', 'sofa');
delete from spans where id = 'odd one';
