"""The notes wholly inside a browser: Python, SQLite and the file are all there. `make app-web`, docs/in-the-browser.md."""
