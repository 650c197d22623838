PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_threads` (
	`id` text PRIMARY KEY NOT NULL,
	`title` text DEFAULT 'New chat' NOT NULL,
	`starred` integer DEFAULT true NOT NULL,
	`settings` text DEFAULT '{"model":"x"}' NOT NULL,
	`parent_id` text,
	FOREIGN KEY (`parent_id`) REFERENCES `threads`(`id`) ON UPDATE no action ON DELETE set null,
	CONSTRAINT "settings_json" CHECK(json_valid("settings"))
);
--> statement-breakpoint
INSERT INTO `__new_threads`("id", "title", "starred", "settings") SELECT "id", "title", "starred", "settings" FROM `threads`;--> statement-breakpoint
DROP TABLE `threads`;--> statement-breakpoint
ALTER TABLE `__new_threads` RENAME TO `threads`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `threads_title_pinned` ON `threads` (`title`) WHERE "threads"."starred";--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_attachments` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`message_id` text,
	`name` text NOT NULL,
	`bytes` blob DEFAULT x'' NOT NULL,
	FOREIGN KEY (`message_id`) REFERENCES `messages`(`id`) ON UPDATE cascade ON DELETE set null
);
--> statement-breakpoint
INSERT INTO `__new_attachments`("id", "message_id", "name") SELECT "id", "message_id", "name" FROM `attachments`;--> statement-breakpoint
DROP TABLE `attachments`;--> statement-breakpoint
ALTER TABLE `__new_attachments` RENAME TO `attachments`;--> statement-breakpoint
PRAGMA foreign_keys=ON;