"""LeBel et al. 2023: nine listeners, 26 to 84 stories each, every listener's own voxels."""
