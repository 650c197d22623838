-- +goose Up
create table chapter
(
    id      text not null primary key,
    book_id text not null references book on delete cascade,
    title   text default '' not null,
    part    integer default 1 not null,
    pages   real default 0 not null
);
create table reading_list
(
    position   integer default 0 not null,
    reader     text not null,
    chapter_id text not null
        constraint reading_list_chapter references chapter on delete cascade,
    constraint reading_list_order unique (reader, position)
);

-- +goose Down
drop table reading_list;
drop table chapter;
