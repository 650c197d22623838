-- a recipe outlives its book; what points to the renamed table has to be made anew as well
ALTER TABLE `recipe` rename to `_old_recipe`;
ALTER TABLE `recipe_course` rename to `_old_recipe_course`;
DROP INDEX IF EXISTS `recipe_photo`;
DROP INDEX IF EXISTS `recipe_book`;
DROP INDEX `course_recipe`;

CREATE TABLE `recipe` (
  `id` integer PRIMARY KEY autoincrement,
  `photo` text not null,
  `cooked` integer not null default 0,
  `book` integer,
  `first_cooked` datetime not null,
  -- it was a cascade; don't bring it back
  foreign key(`book`) references `book`(`id`) on delete set null
);
CREATE TABLE `recipe_course` (
  `recipe` integer references `recipe`(`id`) on delete cascade,
  `course` integer references `course`(`id`)
);
INSERT INTO `recipe` SELECT * FROM `_old_recipe`;
INSERT INTO `recipe_course` SELECT * FROM `_old_recipe_course`;
DROP TABLE `_old_recipe`;
DROP TABLE `_old_recipe_course`;

CREATE UNIQUE INDEX `recipe_photo` ON `recipe` (`photo`);
CREATE INDEX `recipe_book` ON `recipe` (`book`);
CREATE INDEX `course_recipe` ON `recipe_course` (`recipe`);
