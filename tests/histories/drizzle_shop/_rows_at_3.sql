UPDATE products SET category_id = 7 WHERE sku = 'b-2';
INSERT INTO order_lines VALUES (3, 1, 'b-2', 2);
