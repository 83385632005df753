"""The claims of Yin et al. (2025), and what a study has to say of each."""
