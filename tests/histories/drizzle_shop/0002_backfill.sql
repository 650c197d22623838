-- written by hand: data that the new columns need
INSERT INTO `categories` (`id`, `name`) VALUES (1, 'All') ON CONFLICT DO NOTHING;
--> statement-breakpoint
INSERT INTO `categories` (`id`, `parent_id`, `name`) VALUES (2, 1, 'It''s "cheap"; --> not a breakpoint') ON CONFLICT (`id`) DO UPDATE SET `name` = excluded.`name`;
--> statement-breakpoint
UPDATE `products` SET `cents` = CAST(round(`price` * 100) AS integer), `category_id` = CASE WHEN `price` < 5 THEN 2 ELSE 1 END;
