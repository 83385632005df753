"""Norms of word association: what people say to a single word, written into a story."""
