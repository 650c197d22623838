"""Count the words of each note."""

from faults.apps import story
from yoyo import step

__depends__ = {"0001.first"}

steps = [step(story.ADD_WORDS), step(story.count_words)]
