"""Static embeddings as features: a vector for each word, whatever its context."""
