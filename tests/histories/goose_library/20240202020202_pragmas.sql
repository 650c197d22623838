-- +goose Up
-- +goose no transaction
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -4000;

-- +goose Down
-- +goose no transaction
PRAGMA journal_mode = DELETE;
