DROP INDEX IF EXISTS `products_lower_name`;--> statement-breakpoint
ALTER TABLE `order_lines` RENAME TO `lines`;--> statement-breakpoint
ALTER TABLE `lines` RENAME COLUMN `n` TO `quantity`;--> statement-breakpoint
/* drizzle leaves this to you; don't forget */
CREATE TABLE `totals` AS SELECT `order_id`, sum(`quantity` * `cents`) AS `cents` FROM `lines` JOIN `products` USING (`shop`, `sku`) GROUP BY `order_id`;
