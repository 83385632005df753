"""What is asked for and what follows from it; no job imports this."""
