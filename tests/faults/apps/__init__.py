"""One small app, written for each migrator as its own documentation says; the history is told in `story.py`.

Each app is a module with `DISTRIBUTIONS` (whose versions the table names), `PROMISE` (what the tool's documentation says
of failures), `RECORDED` (a query: which migrations does the file's own history claim?) and `launch(path, to=4)`.
"""
