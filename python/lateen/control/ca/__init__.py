"""The mesh's certificate authority: its files, what it signs, and tokens that let machines join."""
