CREATE TABLE `notes` (
	`id` integer PRIMARY KEY NOT NULL,
	`body` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `notes_body` ON `notes` (`body`);