"""The main job on real orders, against a calculation that shares no code with it."""
