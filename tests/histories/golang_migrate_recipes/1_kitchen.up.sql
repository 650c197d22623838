CREATE TABLE `book` (
  `id` integer PRIMARY KEY autoincrement,
  `name` text not null,
  `bound_in` integer REFERENCES `book`(`id`) ON DELETE set null CHECK (`bound_in` <> `id`)
);
CREATE TABLE `recipe` (
  `id` integer PRIMARY KEY autoincrement,
  `photo` text not null,
  `cooked` integer not null default 0,
  `book` integer,
  `first_cooked` datetime not null,
  foreign key(`book`) references `book`(`id`) on delete cascade
);
CREATE TABLE `course` (`id` integer PRIMARY KEY autoincrement, `name` text not null);
CREATE TABLE `recipe_course` (
  `recipe` integer references `recipe`(`id`) on delete cascade,
  `course` integer references `course`(`id`)
);
CREATE UNIQUE INDEX `recipe_photo` ON `recipe` (`photo`);
CREATE INDEX `recipe_book` ON `recipe` (`book`);
CREATE INDEX `course_recipe` ON `recipe_course` (`recipe`);
