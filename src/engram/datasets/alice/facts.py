"""What is known of the Alice dataset without its data."""

from __future__ import annotations

#: Its one story.
STORY = "alice"
#: Seconds.
TR = 2.0
#: The order of the columns in the published files (their README).
REGIONS = ("LATL", "RATL", "LPTL", "LIPL", "LPreM", "LIFG")
#: Volumes dropped from the published time courses, but not from the motion parameters.
DROPPED_VOLUMES = 10
#: Rows of the published time courses, and words of the story once contractions are joined.
N_ROWS, N_WORDS = 362, 2101
