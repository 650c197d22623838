"""The models at version 4."""

from django.db import models


class Folder(models.Model):
    name = models.TextField()

    class Meta:
        db_table = "folders"


class Note(models.Model):
    folder = models.ForeignKey(Folder, models.CASCADE)
    body = models.TextField()
    words = models.IntegerField(null=True)

    class Meta:
        db_table = "notes"


class Tag(models.Model):
    note = models.ForeignKey(Note, models.CASCADE)
    label = models.TextField()

    class Meta:
        db_table = "tags"
