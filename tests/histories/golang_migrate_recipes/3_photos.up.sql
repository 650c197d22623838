CREATE TABLE `photo` (
  `id` integer PRIMARY KEY autoincrement,
  `name` text NOT NULL CHECK (`name` != ''),
  `album` integer references `photo`(`id`) on delete cascade
);
CREATE UNIQUE INDEX `photo_in_album` ON `photo` (`album`, `name`) WHERE `album` IS NOT NULL;
CREATE TABLE `recipe_photo_of` (
  `recipe` integer NOT NULL references `recipe`(`id`) on delete cascade,
  `photo` integer NOT NULL references `photo`(`id`) on delete cascade,
  PRIMARY KEY(`recipe`, `photo`)
);
INSERT INTO `photo` (`id`, `name`) SELECT `id`, `photo` FROM `recipe`;
INSERT INTO `recipe_photo_of` SELECT `id`, `id` FROM `recipe`;

PRAGMA foreign_keys=OFF;

CREATE TABLE `recipe_3` (
  `id` integer PRIMARY KEY autoincrement,
  -- gone: `photo`, it's in a table of its own;
  `title` text,
  `cooked` integer not null default 0,
  `book` integer,
  `first_cooked` datetime not null,
  foreign key(`book`) references `book`(`id`) on delete set null
  /* gone too: , CHECK (`photo` like '%.jpg'); */
);
INSERT INTO `recipe_3`
  (
    `id`,
    `cooked`,
    `book`,
    `first_cooked`
  )
  SELECT `id`, `cooked`, `book`, `first_cooked` FROM `recipe`;
DROP TABLE `recipe`;
ALTER TABLE `recipe_3` rename to `recipe`;
CREATE INDEX `recipe_book` ON `recipe` (`book`);

PRAGMA foreign_keys=ON;

CREATE VIEW `recipe_photos` AS
  SELECT `recipe`.`id`, `recipe`.`title`, `photo`.`name`, `albums`.`name` AS `album`
  FROM `recipe`
  LEFT JOIN `recipe_photo_of` AS `of` ON (`of`.`recipe` = `recipe`.`id`)
  LEFT JOIN `photo` ON (`photo`.`id` = `of`.`photo`)
  LEFT JOIN `photo` AS `albums` ON (`albums`.`id` = `photo`.`album`);
