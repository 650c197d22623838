ALTER TABLE `threads` RENAME COLUMN "pinned" TO "starred";--> statement-breakpoint
ALTER TABLE `threads` ADD `settings` text DEFAULT '{"model":"x"}' NOT NULL;--> statement-breakpoint
CREATE VIEW `last_messages` AS select "thread_id", max("created_at") as "at", count(*) as "n" from "messages" group by "messages"."thread_id";