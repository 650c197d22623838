"""Folders, notes and tags: in SQL, since ON DELETE CASCADE in the schema is not what Django's own CASCADE makes."""

from django.db import migrations, models

from faults.apps import story

ID = ("id", models.AutoField(primary_key=True))


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.RunSQL(
            list(story.FIRST),
            state_operations=[
                migrations.CreateModel(
                    "Folder",
                    [ID, ("name", models.TextField(null=True)), ("old", models.TextField(null=True))],
                    {"db_table": "folders"},
                ),
                migrations.CreateModel(
                    "Note",
                    [
                        ID,
                        ("folder", models.ForeignKey("Folder", models.CASCADE)),
                        ("body", models.TextField()),
                    ],
                    {"db_table": "notes"},
                ),
                migrations.CreateModel(
                    "Tag",
                    [
                        ID,
                        ("note", models.ForeignKey("Note", models.CASCADE)),
                        ("label", models.TextField()),
                    ],
                    {"db_table": "tags"},
                ),
            ],
        )
    ]
