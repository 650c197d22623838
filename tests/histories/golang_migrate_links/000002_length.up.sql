BEGIN TRANSACTION;
ALTER TABLE link ADD letters INTEGER DEFAULT 0 NOT NULL;
UPDATE link SET letters = counted.n
  FROM (SELECT nr, length(summary) AS n FROM link) AS counted
 WHERE counted.nr = link.nr;
END TRANSACTION;
