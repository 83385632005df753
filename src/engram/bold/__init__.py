"""BOLD of listeners: cleaning, clocks, rows and regions."""
