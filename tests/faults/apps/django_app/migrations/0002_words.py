"""Count the words of each note."""

from django.db import migrations, models


def count_words(apps, schema_editor):
    for note in apps.get_model("django_app", "Note").objects.all():
        note.words = len(note.body.split())
        note.save()


class Migration(migrations.Migration):
    dependencies = [("django_app", "0001_first")]
    operations = [
        migrations.AddField("note", "words", models.IntegerField(null=True)),
        migrations.RunPython(count_words),
    ]
