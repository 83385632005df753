"""What belongs to a run as a whole: its lock, its end, and which results are still current."""
