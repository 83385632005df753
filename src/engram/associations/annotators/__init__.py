"""Models that write associations."""
