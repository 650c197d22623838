DROP TABLE link_label; DROP TABLE label; DROP TABLE link; DROP TABLE person;
