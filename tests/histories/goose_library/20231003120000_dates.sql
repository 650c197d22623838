-- +goose Up
-- '2023-01-01 10:00:00 +0200 CEST' becomes '2023-01-01 10:00:00+02:00'
update book set bought = replace(substr(bought, 1, 23), ' +', '+') || ':' || substr(bought, 24, 2) where bought glob '* +[0-9]*';

-- what a book has in each part
update book set chapters = (
    select json_group_object('part ' || part, n) from (
        select part, count(*) as n from chapter where book_id = book.id group by part order by part
    )
);
