"""Labels have a table."""

from faults.apps import story
from yoyo import step

__depends__ = {"0003.folders"}

steps = [step(statement) for statement in story.LAST]
