INSERT INTO notebooks VALUES (2, 'Work');
INSERT INTO notes VALUES (1, 2, '', 'Plan #Today
call; mail #later'), (2, NULL, 'Loose', 'no tag here');
