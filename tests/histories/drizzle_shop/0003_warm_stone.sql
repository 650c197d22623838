PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_products` (
	`sku` text NOT NULL,
	`shop` integer NOT NULL,
	`name` text COLLATE NOCASE NOT NULL,
	`cents` integer DEFAULT 0 NOT NULL,
	`category_id` integer,
	`label` text GENERATED ALWAYS AS (`name` || ' (' || `sku` || ')') STORED,
	PRIMARY KEY(`shop`, `sku`),
	FOREIGN KEY (`category_id`) REFERENCES `categories`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
INSERT INTO `__new_products`("sku", "shop", "name", "cents", "category_id") SELECT "sku", "shop", "name", "cents", "category_id" FROM `products`;--> statement-breakpoint
DROP TABLE `products`;--> statement-breakpoint
ALTER TABLE `__new_products` RENAME TO `products`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE INDEX `products_lower_name` ON `products` (lower("name"));
