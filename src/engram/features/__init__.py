"""What is laid over a story to predict BOLD from it."""
