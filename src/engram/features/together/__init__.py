"""Several spaces side by side, scored as one."""
