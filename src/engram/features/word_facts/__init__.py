"""Plain facts about words as features: how long they are, and where they stand."""
