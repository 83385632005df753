"""How frequent words are, as a feature."""
