CREATE TABLE `tags` (
	`note` integer,
	`tag` text
);
