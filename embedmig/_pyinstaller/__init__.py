"""PyInstaller asks here, through the entry point `pyinstaller40`, where embedmig's hook lies."""

import os


def get_hook_dirs() -> list[str]:
    """The folder of `hook-embedmig.py`, which PyInstaller runs for each app that imports embedmig."""
    return [os.path.dirname(__file__)]
