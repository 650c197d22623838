DROP TABLE option
