DROP TABLE entries;
DROP TABLE payees;
DROP TABLE accounts;
