-- +goose Up
--region Authors
create table tmp_author
(
    id   text            not null primary key,
    name text default '' not null,
    sort_name text collate nocase default '' not null,
    pen_name  text collate nocase default '' not null
);
insert into tmp_author(id, name, sort_name)
select id,
       name,
       sort_name
from author;

drop table author;

alter table tmp_author
    rename to author;

create index author_name
    on author (name);

create index author_shown
    on author (coalesce(nullif(pen_name,''),sort_name) collate nocase);
--endregion

--region Books
create table tmp_book
(
    id        text            not null primary key,
    title     text default '' not null,
    author_id text            not null
        references author
            on update cascade on delete cascade,
    chapters  json default '{}' not null,
    n         integer default 0 not null,
    bought    datetime
);
insert into tmp_book(id, title, author_id, chapters, bought)
select id, title, author_id, chapters, bought from book;

drop table book;

alter table tmp_book
    rename to book;

update book set n = (select count(*) from chapter where book_id = book.id);
--endregion

-- +goose Down
