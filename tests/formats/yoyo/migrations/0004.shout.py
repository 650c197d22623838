"""Every note in capitals."""

from yoyo import group, step

__depends__ = {"0001.notes", "0002.last-by-name"}


def shout(conn):
    cursor = conn.cursor()
    for id, body in cursor.execute("SELECT id, body FROM notes").fetchall():
        cursor.execute("UPDATE notes SET body = ? WHERE id = ?", (body.upper(), id))


def whisper(conn):
    conn.cursor().execute("UPDATE notes SET body = lower(body)")


steps = [
    step("DROP TABLE not_there", ignore_errors="all"),
    group(step(shout, whisper), step("CREATE TABLE shouted (x)", "DROP TABLE shouted")),
]
