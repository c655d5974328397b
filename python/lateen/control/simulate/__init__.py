"""What a proxy would do with a call, told from its configuration alone."""
