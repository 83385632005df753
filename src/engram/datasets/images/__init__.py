"""Images of BOLD, read for every kind of dataset: volumes, surfaces, CIFTI files."""
