"""The app in a window of the user's browser: `python -m demo_app --window`. Needs NiceGUI, the extra `demo`."""
