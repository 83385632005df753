"""A story's words and their times."""
