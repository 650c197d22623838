ALTER TABLE `products` ADD `category_id` integer REFERENCES categories(id);--> statement-breakpoint
ALTER TABLE `products` ADD `cents` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `products_lower_name` ON `products` (lower("name"));
