DROP VIEW `recipe_photos`;
