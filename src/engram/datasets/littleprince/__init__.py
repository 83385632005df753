"""Le Petit Prince: 112 listeners, one audiobook in English, French and Chinese."""
