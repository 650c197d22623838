-- +goose Up
--region Authors
create table author
(
    id   text                          not null primary key,
    name text           default ''     not null,
    sort_name text collate nocase default '' not null
);
create index author_name
    on author (name);
--endregion

--region Books
create table book
(
    id        text            not null primary key,
    title     text default '' not null,
    author_id text            not null
        references author
            on update cascade on delete cascade,
    chapters  json default '{}' not null,
    bought    datetime
);
--endregion
