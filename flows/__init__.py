"""The only room with Prefect, and `path.py`, which has none of it: the order of the stages."""

import os

# Prefect reads this once, while it is imported, so it stands where every module of this room begins.
os.environ.setdefault("DO_NOT_TRACK", "1")
