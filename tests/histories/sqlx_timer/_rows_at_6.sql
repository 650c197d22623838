insert into spans (id, began, seconds, task, place) values ('later', 500, 1, 'call home', 'phone');
