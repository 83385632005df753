"""The Narratives dataset: 345 listeners, 27 stories."""
