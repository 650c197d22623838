"""Folders, notes and tags."""

from faults.apps import story
from yoyo import step

steps = [step(statement) for statement in story.FIRST]
