"""Run by PyInstaller for each app that imports embedmig: https://pyinstaller.org/en/stable/hooks.html"""

from embedmig._pyinstaller.collect import hook

__all__ = ["hook"]
