INSERT INTO entries (id, account_id, payee_id, booked_on, memo, cents) VALUES ('e3', 'a3', NULL, '2022-03-01', '''quoted''', 5);
INSERT INTO entry_tags VALUES ('e3', 2);
