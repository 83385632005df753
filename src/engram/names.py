"""Names with a meaning, shared by the plan and the jobs."""

#: The average listener, who appears among the subjects.
AVERAGE = "average"
#: The baseline that knows only how many words each TR holds.
WORD_RATE = "word-rate"
#: The story as it was heard.
ORIGINAL = "original"
