-- Schema 2: whether W rests on events that no backup has acknowledged (docs/adr/0005-the-pair.md).
ALTER TABLE lease ADD COLUMN solo INTEGER NOT NULL DEFAULT 1;
