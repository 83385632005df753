"""Where words and BOLD come from: a module or a folder for each kind of dataset."""
