"""What every job needs: its inputs, its log, its GPU, and what to do where memory runs out."""
