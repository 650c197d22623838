"""What embedmig costs, beside what people would use instead and beside what SQLite itself can do: `make bench`."""
