"""Models of speech as features: what they make of a story's recording, layer by layer."""
