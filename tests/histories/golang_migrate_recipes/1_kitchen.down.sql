DROP TABLE recipe_course; DROP TABLE course; DROP TABLE recipe; DROP TABLE book;
