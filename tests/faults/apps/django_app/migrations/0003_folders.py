"""A folder has a name, and nothing old."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_app", "0002_words")]
    operations = [
        migrations.AlterField("folder", "name", models.TextField()),
        migrations.RemoveField("folder", "old"),
    ]
