"""The configuration of a study: what may be set, the defaults, and what is wrong with a value."""
