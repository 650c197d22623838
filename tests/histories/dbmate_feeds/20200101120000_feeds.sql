-- migrate:up
CREATE TABLE "feeds" ("id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "url" TEXT NOT NULL UNIQUE);
CREATE TABLE "posts" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "feed_id" INTEGER NOT NULL,
    "guid" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    FOREIGN KEY ("feed_id") REFERENCES "feeds" ("id") ON DELETE CASCADE
);

-- migrate:down
DROP TABLE "posts";
DROP TABLE "feeds";
