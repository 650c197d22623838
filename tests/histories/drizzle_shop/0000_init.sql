CREATE TABLE `products` (
	`sku` text NOT NULL,
	`shop` integer NOT NULL,
	`name` text NOT NULL,
	`price` real DEFAULT 0 NOT NULL,
	PRIMARY KEY(`shop`, `sku`)
);
--> statement-breakpoint
CREATE TABLE `order_lines` (
	`order_id` integer NOT NULL,
	`shop` integer NOT NULL,
	`sku` text NOT NULL,
	`n` integer DEFAULT 1 NOT NULL,
	PRIMARY KEY(`order_id`, `shop`, `sku`),
	FOREIGN KEY (`shop`,`sku`) REFERENCES `products`(`shop`,`sku`) ON UPDATE cascade ON DELETE restrict
);
--> statement-breakpoint
CREATE TABLE `categories` (
	`id` integer PRIMARY KEY NOT NULL,
	`parent_id` integer REFERENCES `categories`(`id`),
	`name` text NOT NULL
);
