"""Names with a meaning, shared by the plan and the jobs."""

#: The average listener, who appears among the subjects.
AVERAGE = "average"
#: The baseline that knows only how many words each TR holds.
WORD_RATE = "word-rate"
#: What the untrained twin of a model is called, behind the model's name.
UNTRAINED_SUFFIX = "-untrained"
#: How a model's source names a folder inside the mirror.
MIRROR_PREFIX = "mirror:"
#: The story as it was heard.
ORIGINAL = "original"
