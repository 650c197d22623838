DROP TABLE episodes;
DROP TABLE feeds;
