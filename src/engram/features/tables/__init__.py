"""Feature tables: numbers of each word or time of a story, from a file of the user's."""
