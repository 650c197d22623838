"""Labels have a table."""

from django.db import migrations

from faults.apps import story


class Migration(migrations.Migration):
    dependencies = [("django_app", "0003_folders")]
    operations = [migrations.RunSQL(list(story.LAST))]
