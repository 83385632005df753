"""The Alice dataset: 27 listeners, regions of interest."""
