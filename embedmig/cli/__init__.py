"""The command line: what the app's developer types. `embedmig --help`, or docs/command-line.md."""
