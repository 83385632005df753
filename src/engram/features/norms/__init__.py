"""Word norms as features: what people say of single words, such as how concrete they are."""
