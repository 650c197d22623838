PRAGMA foreign_keys=OFF;

CREATE TABLE `evening` (
  `recipe` integer references `recipe`(`id`) on delete cascade,
  `at` datetime not null
);

-- one evening for each time that it was cooked; only of the last is the hour known
WITH RECURSIVE `times` (`n`) AS (
  VALUES (1) UNION ALL SELECT `n` + 1 FROM `times` WHERE `n` < (SELECT max(`cooked`) FROM `recipe`)
)
INSERT INTO `evening`
  SELECT `r`.`id`, CASE `r`.`cooked` WHEN `n` THEN `r`.`first_cooked` ELSE date(`r`.`first_cooked`) END
  FROM `recipe` AS `r` CROSS JOIN `times` ON `n` <= `r`.`cooked`
  ORDER BY `r`.`id`, `n`;

CREATE TABLE "recipe_5" (
  `id` integer PRIMARY KEY autoincrement,
  `title` text,
  [book] integer references "book"(`id`) on delete set null,
  `first_cooked` datetime not null
);
INSERT INTO `recipe_5` SELECT `id`, `title`, `book`, `first_cooked` FROM `recipe`;
DROP INDEX `recipe_book`;
DROP TABLE `recipe`;
ALTER TABLE `recipe_5` rename to `recipe`;
CREATE INDEX `recipe_book` ON `recipe` (`book`);

PRAGMA foreign_keys=ON;
