"""Django: `call_command("migrate")`, https://docs.djangoproject.com/en/stable/ref/django-admin/#running-management-commands-from-your-code."""

from __future__ import annotations

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

DISTRIBUTIONS = ("Django",)
PROMISE = "on SQLite, all operations of a migration in one transaction"
RECORDED = "SELECT name FROM django_migrations"
NAMES = ("0001_first", "0002_words", "0003_folders", "0004_labels")

settings.configure(
    INSTALLED_APPS=[__name__],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "set by each launch"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()


def launch(path: str, to: int = 4) -> None:
    connection.settings_dict["NAME"] = path
    try:
        call_command("migrate", "django_app", NAMES[to - 1], verbosity=0) if to < 4 else call_command(
            "migrate", verbosity=0
        )
    finally:
        connection.close()
