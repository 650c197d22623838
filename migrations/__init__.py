"""The demo app's history: one numbered file for each change to its users' files. See README.md."""
